import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LlmGuard } from "../../policies/guard/llm-guard.ts";
import { recommended } from "../../policies/presets.ts";
import { linkPackages } from "../../test/support/pulumi.ts";
import type { PackName } from "./table.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const OURS = join(CHECKOUT, "policies/pack");
/** Ours, made where the others are made. */
const RECOMMENDED = `
import { LlmGuard, recommended } from ${JSON.stringify(join(OURS, "lib/index.js"))};
const { policies } = new LlmGuard(recommended);
`;
/**
 * Every pack that is measured has this stack policy too, as the last of the operation: it writes down what the process has cost until then.
 * Seconds say little on a busy machine; CPU seconds say more.
 */
const LAST = `
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { PolicyPack } from "@pulumi/policy";
const { BENCH_CPU_SECONDS, BENCH_CPU_PROFILE } = process.env;
const session = new Session();
session.connect();
if (BENCH_CPU_PROFILE) {
  session.post("Profiler.enable");
  session.post("Profiler.start");
}
const validateStack = () => {
  const { user, system } = process.cpuUsage();
  writeFileSync(BENCH_CPU_SECONDS, String((user + system) / 1e6));
  if (!BENCH_CPU_PROFILE) return;
  session.post("Profiler.stop", (_error, { profile }) => writeFileSync(BENCH_CPU_PROFILE, JSON.stringify(profile)));
};
const last = { name: "cost", description: "Writes what was spent.", enforcementLevel: "advisory", validateStack };
new PolicyPack("bench", { policies: [...policies, last] });
`;

export type PackFolders = Readonly<Record<PackName, string | undefined>>;

/** The names and levels of our policies; without stack policies every policy is of one resource. */
export function emptyPack(ofTheKinds: boolean): string {
  const policies = new LlmGuard(recommended).policies.map(({ name, enforcementLevel, ...policy }) => ({
    name,
    enforcementLevel,
    check: ofTheKinds && !("validateResource" in policy) ? "validateStack" : "validateResource",
  }));
  return `const policies = ${JSON.stringify(policies)}.map(({ check, ...policy }) => ({ ...policy, description: "Empty.", [check]: () => {} }));`;
}

export function policyCount(): number {
  return new LlmGuard(recommended).policies.length;
}

/** Ours is made of what was built for the committed pack. */
export async function writePacks(folder: string): Promise<PackFolders> {
  await linkPackages(folder);
  return {
    none: undefined,
    empty: await writePack(folder, "empty", emptyPack(false)),
    "empty of the kinds": await writePack(folder, "empty-of-the-kinds", emptyPack(true)),
    ours: await writePack(folder, "ours", RECOMMENDED),
  };
}

async function writePack(parent: string, name: string, text: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  await writeFile(join(folder, "PulumiPolicy.yaml"), "runtime: nodejs\nversion: 0.1.0\nmain: index.js\n");
  await writeFile(join(folder, "package.json"), JSON.stringify({ name, version: "0.1.0", type: "module" }));
  await writeFile(join(folder, "index.js"), `${text}${LAST}`);
  return folder;
}
