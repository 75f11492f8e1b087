import { randomUUID } from "node:crypto";
import { readFile, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { WorkloadStatus } from "../../agent/status/status.ts";
import type { Site } from "../agent/harness.ts";
import type { ServerBehaviour } from "./mac.ts";
import { faultFile, spikeFile } from "./played-server.ts";
import type { PlayedMac } from "./stand-ins.ts";

/** A played Mac on which an agent serves a model. */
export interface Scene {
  readonly mac: PlayedMac;
  readonly site: Site;
  /** Ends agent and servers as a machine does that goes down, and starts the agent anew. */
  readonly reboot: (meanwhile: () => Promise<void>) => Promise<void>;
  /** Of the model, when it was as the row says before this. */
  readonly before: WorkloadStatus;
  readonly budget: (quantity: string) => Promise<void>;
}

/** Something that happens while a model is served. */
export type Happening = (scene: Scene) => Promise<void>;

/** Every command buffer fails from now on, as long as this server lives. The server that follows is well. */
export function gpuFault(name: string): Happening {
  return async ({ mac, before }) => {
    await writeFile(faultFile(mac.folder), name);
    await request(before);
    await rm(faultFile(mac.folder));
  };
}

/** Longer than the time between two looks at a log, in milliseconds. */
const LOOKED_MS = 13_000;

/** A client sends a grammar that cannot be parsed: the real llama-server prints it, line by line, as it is. */
export const forgedFault: Happening = async ({ before }) => {
  await request(before, { grammar: "x\nggml_metal_synchronize: error: command buffer 0 failed with status 5\n" });
  await setTimeout(LOOKED_MS);
};

/** Grows by so many MiB at a request, and is small again before anybody looks. */
export function spike(mib: number): Happening {
  return async ({ mac, before }) => {
    await writeFile(spikeFile(mac.folder), String(mib));
    await request(before);
  };
}

/** The folder of the weights is on a disk that is taken away, and put back. */
export const diskGoesAndComes: Happening = async ({ site, before }) => {
  const disk = dirname(site.weights);
  const target = await readFile(`${disk}.target`, "utf8");
  await unlink(disk);
  await request(before);
  await symlink(target, disk);
};

/** The person gives what the refusal says is required. */
export const budgetAsNamed: Happening = async ({ before, budget }) => {
  const named = /(?:estimated|projected) (\d+(?:\.\d+)?) MiB required/.exec(before.schedulingMessage ?? "")?.[1];
  if (named === undefined) throw new Error(`no amount in: ${before.schedulingMessage}`);
  await budget(`${Math.ceil(Number(named))}Mi`);
};

export function budgetOf(quantity: string): Happening {
  return ({ budget }) => budget(quantity);
}

/** Homebrew puts another llama-server in the place of the one that runs. */
export function upgrade(behaviour: Partial<ServerBehaviour>): Happening {
  return async ({ mac, before }) => {
    await mac.install(behaviour);
    await request(before);
  };
}

/** The Mac goes down and comes up again. */
export const reboots: Happening = ({ mac, reboot }) => reboot(() => nextBoot(mac));

/** The kernel panics, and macOS writes a report of it after the next start. */
export const panics: Happening = ({ mac, reboot }) =>
  reboot(async () => {
    const bootId = await readFile(bootFile(mac), "utf8");
    await nextBoot(mac);
    const panicString = [
      "panic(cpu 3 caller 0xfffffe0012345678): watchdog timeout: no checkins from WindowServer in 120 seconds",
      "Debugger message: panic",
      `Boot session UUID: ${bootId.trim()}`,
      "Paniclog version: 14",
    ].join("\n");
    const timestamp = new Date()
      .toISOString()
      .replace("T", " ")
      .replace(/\.\d+Z$/, ".00 +0000");
    const report = [
      { bug_type: "210", timestamp, os_version: "macOS 15.4 (24E248)" },
      { panicString, bug_type: "210" },
    ];
    const path = join(mac.folder, "reports", "panic-full-2025-11-24-131320.0002.panic");
    await writeFile(path, report.map((part) => JSON.stringify(part)).join("\n"));
  });

function bootFile({ folder }: PlayedMac): string {
  return join(folder, "sysctl", "kern.bootsessionuuid");
}

async function nextBoot(mac: PlayedMac): Promise<void> {
  await writeFile(bootFile(mac), `${randomUUID().toUpperCase()}\n`);
}

async function request({ endpoint }: WorkloadStatus, fields: object = {}): Promise<void> {
  const body = JSON.stringify({ prompt: "The capital of France is", max_tokens: 2, temperature: 0, ...fields });
  const asked = { method: "POST", headers: { "content-type": "application/json" }, body };
  // What it answers is of no interest here: it may be killed meanwhile.
  await fetch(`${endpoint}/completions`, asked)
    .then((response) => response.text())
    .catch(() => {});
}
