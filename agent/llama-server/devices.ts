import { fail, ok, type Result } from "../../api/result.ts";
import { outputOf } from "../host/command.ts";

/** The GPU of a Mac as llama-server lists it. */
export interface MetalDevice {
  /** `MTL0`, or `Metal` as builds of September 2025 to January 2026 call it: what options that name a device take. */
  readonly name: string;
  /** Metal's recommended working set, in bytes. */
  readonly workingSetBytes: number;
}

/** What a build with Metal lists, for messages. */
export const METAL_DEVICES = "MTL0, or Metal in builds of September 2025 to January 2026";

/**
 * The first Metal device in the output of `llama-server --list-devices`, as `MTL0: Apple M4 Max (110100 MiB, 110100 MiB free)`; null if
 * there is none. A line for BLAS may stand beside it. What it calls free is free for that process alone, and is never added up.
 */
export function metalDevice(devices: string): MetalDevice | null {
  const [, name, mebibytes] = /^\s*(MTL\d+|Metal): .*\((\d+) MiB, \d+ MiB free\)\s*$/m.exec(devices) ?? [];
  if (name === undefined || Number(mebibytes) === 0) return null;
  return { name, workingSetBytes: Number(mebibytes) * 2 ** 20 };
}

/** The option that {@link readMetalDevice} needs. */
export const LIST_DEVICES = "--list-devices";

/** The GPU that this llama-server uses on a Mac. Fails without one, because a fallback to the CPU would be silent and slow. */
export async function readMetalDevice(llamaServer: string): Promise<Result<MetalDevice>> {
  const printed = await outputOf(llamaServer, [LIST_DEVICES]);
  if (!printed.ok) return printed;
  const device = metalDevice(printed.value);
  if (device !== null) return ok(device);
  return fail(
    `${llamaServer} ${LIST_DEVICES} lists no Metal device (${METAL_DEVICES}): install a llama-server that is built with Metal`,
  );
}
