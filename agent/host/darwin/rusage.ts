import { createRequire } from "node:module";

/** `int proc_pid_rusage(int pid, int flavor, rusage_info_t *buffer)` of libproc. */
export type ProcPidRusage = (pid: number, flavor: number, buffer: Buffer) => number;

const LIBRARY = "/usr/lib/libSystem.B.dylib";
const SIGNATURE = "int proc_pid_rusage(int pid, int flavor, _Out_ uint8_t *buffer)";

const RUSAGE_INFO_V0 = 0;
/** Above the size of every version of the struct. */
const BUFFER_BYTES = 1024;
/** `ri_phys_footprint` (docs/background/apple-memory.md, "Footprint"). */
const FOOTPRINT_OFFSET = 72;

/**
 * The system's own call for a process's footprint, four orders of magnitude cheaper than the `footprint` command; undefined
 * where koffi, an optional dependency, is not installed, or the library is not there.
 */
export function openProcPidRusage(library: string = LIBRARY): ProcPidRusage | undefined {
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    const call = koffi.load(library).func(SIGNATURE);
    return (pid, flavor, buffer) => Number(call(pid, flavor, buffer));
  } catch {
    return undefined;
  }
}

/** Bytes; null where the system refuses, as for another user's process or one that has ended. */
export function footprintOf(pid: number, rusage: ProcPidRusage): number | null {
  const buffer = Buffer.alloc(BUFFER_BYTES);
  if (rusage(pid, RUSAGE_INFO_V0, buffer) !== 0) return null;
  const footprint = buffer.readBigUInt64LE(FOOTPRINT_OFFSET);
  return footprint > 0n && footprint <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(footprint) : null;
}
