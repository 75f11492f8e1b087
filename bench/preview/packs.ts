import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LlmGuard } from "../../policies/guard/llm-guard.ts";
import { recommended } from "../../policies/presets.ts";
import { linkPackages } from "../../test/support/pulumi.ts";
import type { PackName } from "./table.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const OURS = join(CHECKOUT, "policies/pack");
/** Ours, with one stack policy more: the last of the operation, which writes down where the time went. */
const PROFILED = `
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { PolicyPack } from "@pulumi/policy";
import { LlmGuard, recommended } from ${JSON.stringify(join(OURS, "lib/index.js"))};
const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.start");
const validateStack = () => session.post("Profiler.stop", (_error, { profile }) => {
  writeFileSync(process.env.BENCH_CPU_PROFILE, JSON.stringify(profile));
});
const last = { name: "profile", description: "Writes the profile.", enforcementLevel: "advisory", validateStack };
new PolicyPack("profiled", { policies: [...new LlmGuard(recommended).policies, last] });
`;

export type PackFolders = Readonly<Record<PackName, string | undefined>>;

/** The names and levels of our policies; without stack policies every policy is of one resource. */
export function emptyPack(ofTheKinds: boolean): string {
  const policies = new LlmGuard(recommended).policies.map(({ name, enforcementLevel, ...policy }) => ({
    name,
    enforcementLevel,
    check: ofTheKinds && !("validateResource" in policy) ? "validateStack" : "validateResource",
  }));
  return `
import { PolicyPack } from "@pulumi/policy";
const policies = ${JSON.stringify(policies)}.map(({ check, ...policy }) => ({ ...policy, description: "Empty.", [check]: () => {} }));
new PolicyPack("empty", { policies });
`;
}

export function policyCount(): number {
  return new LlmGuard(recommended).policies.length;
}

/** Ours is the committed pack over what was built. */
export async function writePacks(folder: string): Promise<PackFolders> {
  await linkPackages(folder);
  return {
    none: undefined,
    empty: await writePack(folder, "empty", emptyPack(false)),
    "empty of the kinds": await writePack(folder, "empty-of-the-kinds", emptyPack(true)),
    ours: OURS,
  };
}

export function writeProfiledPack(folder: string): Promise<string> {
  return writePack(folder, "profiled", PROFILED);
}

async function writePack(parent: string, name: string, text: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  await writeFile(join(folder, "PulumiPolicy.yaml"), "runtime: nodejs\nversion: 0.1.0\nmain: index.js\n");
  await writeFile(join(folder, "package.json"), JSON.stringify({ name, version: "0.1.0", type: "module" }));
  await writeFile(join(folder, "index.js"), text);
  return folder;
}
