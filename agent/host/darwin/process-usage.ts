import { constants } from "node:os";

/** What the kernel counts for one process, as of one reading. */
export interface Usage {
  /** Undefined if the figure is not plausible, as that of a process that is just exiting. */
  readonly footprintBytes?: number;
  /** The largest footprint that it has ever had, in bytes; undefined where the kernel does not tell. */
  readonly peakBytes?: number;
  /** When it was started, in ticks of the machine since its boot. It stays the same when the process runs another program. */
  readonly startedAt: bigint;
  /** Processor time that it has used, in seconds. */
  readonly cpuSeconds: number;
}

/** What a function of libproc returned, and the number of the error if it failed. */
export interface Answer {
  readonly value: number;
  readonly errno: number;
}

/** Where the fields are (bsd/sys/resource.h of xnu; docs/background/apple-memory.md, "Footprint"). */
const OFFSETS = { user: 16, system: 24, footprint: 72, start: 80, exit: 88, peak: 240 } as const;
const RUSAGE_INFO_V0 = 0;
const RUSAGE_INFO_V4 = 4;
/** Larger than every version of the struct. */
const RUSAGE_BYTES = 1024;

/**
 * Reads a process by `proc_pid_rusage`. One that has exited still answers until its parent has asked how, with the time of its exit. Only
 * ESRCH says that there is none.
 *
 * @param timebase nanoseconds of a tick, as numerator and denominator: 125/3 on Apple silicon
 */
export function readUsage(
  rusage: (flavor: number, buffer: Buffer) => Answer,
  timebase: readonly [numerator: number, denominator: number],
): Usage | "gone" | undefined {
  const buffer = Buffer.alloc(RUSAGE_BYTES);
  const fourth = rusage(RUSAGE_INFO_V4, buffer);
  const knowsPeak = fourth.value === 0;
  const { value, errno } =
    fourth.value !== 0 && fourth.errno === constants.errno.EINVAL ? rusage(RUSAGE_INFO_V0, buffer) : fourth;
  if (value !== 0) return errno === constants.errno.ESRCH ? "gone" : undefined;
  if (buffer.readBigUInt64LE(OFFSETS.exit) !== 0n) return "gone";
  const footprintBytes = plausible(buffer.readBigUInt64LE(OFFSETS.footprint));
  const peakBytes = knowsPeak ? plausible(buffer.readBigUInt64LE(OFFSETS.peak)) : undefined;
  const ticks = buffer.readBigUInt64LE(OFFSETS.user) + buffer.readBigUInt64LE(OFFSETS.system);
  const [numerator, denominator] = timebase;
  return {
    ...(footprintBytes !== undefined && { footprintBytes }),
    ...(peakBytes !== undefined && { peakBytes }),
    startedAt: buffer.readBigUInt64LE(OFFSETS.start),
    cpuSeconds: (Number(ticks) * numerator) / denominator / 1e9,
  };
}

function plausible(bytes: bigint): number | undefined {
  return bytes === 0n || bytes > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(bytes);
}

/** More processes than any group of ours has. */
const MOST_PIDS = 1024;
const PID_BYTES = 4;

/**
 * Reads a group by `proc_listpgrppids`, which returns the number of pids that it has written. It returns 0 for an empty group and for a
 * failure alike (libproc.c of xnu): only the number of the error tells them apart.
 */
export function readPids(list: (buffer: Buffer) => Answer): readonly number[] | undefined {
  const buffer = Buffer.alloc(MOST_PIDS * PID_BYTES);
  const { value: count, errno } = list(buffer);
  if (count < 0 || count > MOST_PIDS || (count === 0 && errno !== 0)) return undefined;
  return Array.from({ length: count }, (_, index) => buffer.readInt32LE(index * PID_BYTES));
}
