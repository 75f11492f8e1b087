import { cpus, release, totalmem, type } from "node:os";
import { execa } from "execa";
import * as z from "zod";
import { outputOf } from "../agent/host/command.ts";
import { type Build, readBuild } from "../agent/llama-server/build.ts";
import { metalDevice } from "../agent/llama-server/devices.ts";
import { MAC_TOOLS } from "./mac-tools.ts";
import { PLACES, type Place } from "./place.ts";

/** What a recording was made on. */
export const machineSchema = z.strictObject({
  system: z.enum(["darwin", "linux"]),
  /** Of macOS, such as `15.4`; of Linux that of the kernel. */
  systemVersion: z.string(),
  /** Such as `Apple M4 Pro`. */
  chip: z.string(),
  memoryBytes: z.int().min(0),
  /** What `llama-server --version` prints first. */
  llamaCpp: z.string(),
  node: z.string(),
  place: z.enum(PLACES),
  /** What llama-server calls Metal's device, such as `MTL0`; null without one. */
  gpu: z.string().nullable(),
  root: z.boolean(),
  /** Whether it is a Mac that is played by stand-ins, as this repository's tests do it: what holds there is no proof. */
  played: z.boolean(),
});
export type Machine = z.output<typeof machineSchema>;

/** Looks at this machine. */
export async function thisMachine(llamaServer: string, place: Place): Promise<Machine> {
  const system = process.platform === "darwin" ? "darwin" : "linux";
  const [build, devices] = [await readBuild(llamaServer), await execa(llamaServer, LIST, QUIET)];
  return {
    system,
    systemVersion: system === "darwin" ? await firstLine(MAC_TOOLS.swVers, ["-productVersion"]) : release(),
    chip:
      system === "darwin"
        ? await firstLine(MAC_TOOLS.sysctl, ["-n", "machdep.cpu.brand_string"])
        : (cpus()[0]?.model ?? "unknown"),
    memoryBytes: totalmem(),
    llamaCpp: buildText(build),
    node: process.version,
    place,
    gpu: metalDevice(devices.stdout)?.name ?? null,
    root: process.getuid?.() === 0 || (await execa(MAC_TOOLS.sudo, ["-n", "true"], QUIET)).exitCode === 0,
    played: isPlayed(process.platform, type(), process.env),
  };
}

/**
 * Whether somebody makes this project believe that it is on a Mac: the kernel has another name, or the stand-ins say so themselves
 * (test/mac/stand-ins.ts).
 *
 * @param kernel as `uname -s` names it
 */
export function isPlayed(
  system: NodeJS.Platform,
  kernel: string,
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return (system === "darwin" && kernel !== "Darwin") || "PLAY_MAC" in env;
}

const QUIET = { reject: false, stdin: "ignore", timeout: 60_000 } as const;
const LIST = ["--list-devices"];

/** What llama-server says of its version, without the word before it; `unknown` where it says nothing. */
export function buildText({ text }: Build): string {
  return text?.replace(/^version:? /, "") ?? "unknown";
}

async function firstLine(file: string, args: readonly string[]): Promise<string> {
  const printed = await outputOf(file, args);
  return printed.ok ? (printed.value.trim().split("\n")[0] ?? "unknown") : "unknown";
}
