import { createRequire } from "node:module";

/** What the kernel counts for one process. */
export interface Usage {
  readonly footprintBytes: number;
  /** In ticks of the machine since its boot. */
  readonly startedAt: bigint;
}

/** The system calls of libproc that the agent uses, four orders of magnitude cheaper than the commands that print the same. */
export interface Libproc {
  /** Undefined if the system refuses, as for another user's process or one that has exited. */
  usage(pid: number): Usage | undefined;
  /** Pids of the processes in the group of `pid`; undefined if the system refuses. */
  group(pid: number): readonly number[] | undefined;
}

/** A function of libproc that fills a buffer. */
export type Fill = (id: number, second: number, buffer: Buffer) => number;

const LIBRARY = "/usr/lib/libSystem.B.dylib";
const RUSAGE = "int proc_pid_rusage(int pid, int flavor, _Out_ uint8_t *buffer)";
const GROUP = "int proc_listpgrppids(int group, _Out_ uint8_t *buffer, int size)";

/** Undefined if koffi, an optional dependency, or the library is missing. */
export function openLibproc(library: string = LIBRARY): Libproc | undefined {
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    const loaded = koffi.load(library);
    const [rusage, group] = [loaded.func(RUSAGE), loaded.func(GROUP)];
    return {
      usage: (pid) => usageOf(pid, (id, flavor, buffer) => Number(rusage(id, flavor, buffer))),
      group: (pid) => groupOf(pid, (id, size, buffer) => Number(group(id, buffer, size))),
    };
  } catch {
    return undefined;
  }
}

const RUSAGE_INFO_V0 = 0;
/** Larger than every version of the struct. */
const RUSAGE_BYTES = 1024;
/** `ri_phys_footprint` and `ri_proc_start_abstime` (docs/background/apple-memory.md, "Footprint"). */
const FOOTPRINT_OFFSET = 72;
const START_OFFSET = 80;

/** Undefined also if the footprint is not plausible. */
export function usageOf(pid: number, rusage: Fill): Usage | undefined {
  const buffer = Buffer.alloc(RUSAGE_BYTES);
  if (rusage(pid, RUSAGE_INFO_V0, buffer) !== 0) return undefined;
  const footprint = buffer.readBigUInt64LE(FOOTPRINT_OFFSET);
  if (footprint === 0n || footprint > BigInt(Number.MAX_SAFE_INTEGER)) return undefined;
  return { footprintBytes: Number(footprint), startedAt: buffer.readBigUInt64LE(START_OFFSET) };
}

/** More processes than any group of ours has. */
const MOST_PIDS = 1024;
const PID_BYTES = 4;

/** `proc_listpgrppids` returns the number of pids that it has written. */
export function groupOf(pid: number, list: Fill): readonly number[] | undefined {
  const buffer = Buffer.alloc(MOST_PIDS * PID_BYTES);
  const count = list(pid, buffer.length, buffer);
  if (count < 0 || count > MOST_PIDS) return undefined;
  return Array.from({ length: count }, (_, index) => buffer.readInt32LE(index * PID_BYTES));
}
