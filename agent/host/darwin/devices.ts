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
