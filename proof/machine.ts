import { cpus, release, totalmem } from "node:os";
import { execa } from "execa";
import * as z from "zod";
import { outputOf } from "../agent/host/command.ts";
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
  /** The device of Metal as llama-server lists it; null without one. */
  gpu: z.string().nullable(),
  root: z.boolean(),
});
export type Machine = z.output<typeof machineSchema>;

/** Looks at this machine. */
export async function thisMachine(llamaServer: string, place: Place): Promise<Machine> {
  const system = process.platform === "darwin" ? "darwin" : "linux";
  const [versions, devices] = [await execa(llamaServer, ["--version"], QUIET), await execa(llamaServer, LIST, QUIET)];
  return {
    system,
    systemVersion: system === "darwin" ? await firstLine(MAC_TOOLS.swVers, ["-productVersion"]) : release(),
    chip:
      system === "darwin"
        ? await firstLine(MAC_TOOLS.sysctl, ["-n", "machdep.cpu.brand_string"])
        : (cpus()[0]?.model ?? "unknown"),
    memoryBytes: totalmem(),
    llamaCpp: buildIn(`${versions.stdout}\n${versions.stderr}`),
    node: process.version,
    place,
    gpu: deviceIn(devices.stdout),
    root: process.getuid?.() === 0 || (await execa(MAC_TOOLS.sudo, ["-n", "true"], QUIET)).exitCode === 0,
  };
}

const QUIET = { reject: false, stdin: "ignore", timeout: 60_000 } as const;
const LIST = ["--list-devices"];

/** The line of `llama-server --version` that names the build; it is printed on standard error. */
export function buildIn(printed: string): string {
  return /^version: (.*)$/m.exec(printed)?.[1]?.trim() ?? "unknown";
}

/** The name of Metal's device in `--list-devices`: builds until January 2026 write `Metal:` for `MTL0:`. Null without one. */
export function deviceIn(devices: string): string | null {
  return /^\s*(?:MTL0|Metal): (.*) \(\d+ MiB, \d+ MiB free\)\s*$/m.exec(devices)?.[1] ?? null;
}

async function firstLine(file: string, args: readonly string[]): Promise<string> {
  const printed = await outputOf(file, args);
  return printed.ok ? (printed.value.trim().split("\n")[0] ?? "unknown") : "unknown";
}
