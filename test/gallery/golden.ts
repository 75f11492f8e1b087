import { readdirSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Finding } from "./engine.ts";

const FOLDER = join(import.meta.dirname, "golden");

/** With UPDATE_GALLERY=1 what is found is written down. Read it before it is committed. */
export const isUpdate = process.env["UPDATE_GALLERY"] === "1";

export type ByPreset = Readonly<Record<string, readonly Finding[]>>;

/** Each message once, as a user reads it, with its level under each preset. */
export function goldenText(about: string, presets: ByPreset): string {
  const messages = new Map<string, { readonly finding: Finding; readonly levels: Map<string, string> }>();
  for (const [preset, findings] of Object.entries(presets)) {
    for (const finding of findings) {
      const key = JSON.stringify([finding.policy, finding.about, finding.text]);
      const message = messages.get(key) ?? { finding, levels: new Map<string, string>() };
      message.levels.set(preset, finding.level);
      messages.set(key, message);
    }
  }
  const order = [...messages.values()].map(({ finding, levels }) => {
    const under = Object.keys(presets).map((preset) => `${preset} ${levels.get(preset) ?? "-"}`);
    const where = finding.about === undefined ? "the stack" : shortUrn(finding.about);
    return [`${finding.policy} (${under.join(", ")})`, `on ${where}`, ...indented(finding.text)].join("\n");
  });
  return `${[about, ...(order.length === 0 ? ["Nothing is reported."] : order)].join("\n\n")}\n`;
}

function shortUrn(urn: string): string {
  const [, , type = "", name = ""] = urn.split("::");
  return `${type.split("$").at(-1)?.split(":").at(-1)} ${name}`;
}

function indented(text: string): readonly string[] {
  return text.split("\n").map((line) => (line === "" ? "" : `  ${line}`));
}

/** What was written down for the stack, or `text` itself where it is written now. */
export async function golden(name: string, text: string): Promise<string> {
  const path = join(FOLDER, `${name}.txt`);
  if (isUpdate) await writeFile(path, text);
  return readFile(path, "utf8");
}

/** Files of the golden folder, without their ending. */
export function goldenNames(): readonly string[] {
  return readdirSync(FOLDER).map((file) => file.replace(/\.txt$/, ""));
}

export async function removeGolden(name: string): Promise<void> {
  await rm(join(FOLDER, `${name}.txt`));
}
