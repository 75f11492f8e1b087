import { readFile } from "node:fs/promises";
import { text as textOf } from "node:stream/consumers";
import writeFileAtomic from "write-file-atomic";
import { errorText } from "../../api/error-code.ts";
import { plainJson } from "../../api/plain-text.ts";
import type { Picture } from "../../memory/picture/picture.ts";
import { pictureText } from "../../memory/picture/text.ts";
import { fleetFacts } from "../../policies/fleet/facts.ts";
import { createRegistry } from "../../policies/guard/registry.ts";
import { type RegisteredResource, subjectsOf } from "../../policies/guard/stack.ts";
import { headerOf } from "../../policies/headers.ts";
import { withProgress } from "../progress.ts";
import { pictureMarkdown } from "./markdown.ts";
import { readPreview } from "./preview-json.ts";
import { pictureSvg } from "./svg.ts";

export interface PlanFlags {
  readonly hosts?: string;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly svg?: string;
}

const EXIT_STAYS_OUT = 1;

/** Prints what a preview makes of a fleet; sets the exit code, and throws one sentence for bad input. */
export async function plan(file: string, flags: PlanFlags): Promise<void> {
  const change = readPreview(await read(file));
  if (!change.ok) throw new Error(change.error);
  const [after, before] = [change.value.after, change.value.before].map(stackOf);
  if (after === undefined) throw new Error("the preview has no resources");
  const facts = await withProgress("reading headers", fleetFacts(after, { hostsFile: flags.hosts }, headerOf, before));
  const { hosts, picture } = facts;
  if (hosts.problems.length > 0) throw new Error(hosts.problems.join("; "));
  if (hosts.hosts.length === 0) throw new Error(noHosts(hosts.unknown));
  if (flags.svg !== undefined) await write(flags.svg, pictureSvg(picture));
  console.log(printed(picture, flags));
  for (const name of hosts.unknown) console.error(`pulumi-llmkube: LlmNode ${name} is not counted: ${NOT_IN_JSON}`);
  if (picture.out.length > 0 || picture.refused.length > 0) process.exitCode = EXIT_STAYS_OUT;
}

const NOT_IN_JSON = "its memory is not in the preview";

function noHosts(unknown: readonly string[]): string {
  const why =
    unknown.length === 0
      ? "the preview names no Macs"
      : `of LlmNode ${unknown.join(", ")} the memory is not in the preview`;
  return `${why}: give --hosts FILE, which pulumi-llmkube hosts export writes`;
}

function stackOf(resources: readonly RegisteredResource[]) {
  return subjectsOf(resources, createRegistry());
}

function printed(picture: Picture, { json, markdown }: PlanFlags): string {
  if (json) return plainJson(picture);
  return markdown ? pictureMarkdown(picture) : pictureText(picture);
}

async function read(file: string): Promise<string> {
  try {
    return file === "-" ? await textOf(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new Error(`the preview ${file} cannot be read: ${errorText(error)}`);
  }
}

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(file, text);
  } catch (error) {
    throw new Error(`--svg ${file} cannot be written: ${errorText(error)}`);
  }
}
