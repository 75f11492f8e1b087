const MiB = 2 ** 20;

/** One row of llama-server's `memory breakdown`; `self` and `compute` in MiB. */
interface Row {
  readonly name: string;
  readonly self: number;
  readonly compute: number;
}

/** One table of llama-server's memory breakdown. */
export interface Breakdown {
  /** What all rows say that this llama-server takes itself, in bytes: model, context and compute. */
  readonly selfBytes: number;
  /** What of it the host's compute buffers take, in MiB. */
  readonly hostComputeMib: number;
  /** The names of its devices, such as `MTL0`. */
  readonly devices: readonly string[];
}

/** The first column is as wide as its longest cell: behind the title stand the more spaces the longer the chip's name is. */
const HEAD =
  /\|\s*memory breakdown \[MiB\]\s*\|\s*total\s+free\s+self\s+model\s+context\s+compute\s+unaccounted\s*\|\s*$/;
/** What every row begins with, behind whatever the log puts before a message. No expression here tries a line from more than one place. */
const ROW = /^[^|]*\|\s+- /;
/** A device: `total = free + (self = model + context + compute) + unaccounted`. Its name may hold anything, so the end decides. */
const DEVICE =
  /^[^|]*\|\s+- (.+?)\|\s*(\d+) =\s*(\d+) \+ \(\s*(\d+) =\s*(\d+) \+\s*(\d+) \+\s*(\d+)\) \+\s*(-?\d+) \|\s*$/;
/** The host, or a buffer type of its own: `self = model + context + compute`. */
const OTHER = /^[^|]*\|\s+- (.+?)\|\s*(\d+) =\s*(\d+) \+\s*(\d+) \+\s*(\d+)\s*\|\s*$/;
/** Every table has this row: behind those of the devices, before those of further buffer types. */
const HOST = "Host";

export function isHead(line: string): boolean {
  return HEAD.test(line);
}

export function isRow(line: string): boolean {
  return ROW.test(line);
}

/** Whether it is the row of the host, which every table has. */
export function isHostRow(line: string): boolean {
  return otherOf(line)?.name === HOST;
}

/** The table of these rows, which stand between its head and what is printed after it; undefined where they are no such table. */
export function breakdownOf(lines: readonly string[]): Breakdown | undefined {
  const rows = lines.map((line) => deviceOf(line) ?? otherOf(line));
  const found = rows.flatMap((row) => row ?? []);
  const names = new Set(found.map(({ name }) => name));
  const host = found.find(({ name }) => name === HOST);
  // A name that comes twice is a row of another table.
  if (host === undefined || found.length < lines.length || names.size < found.length) return undefined;
  return {
    selfBytes: found.reduce((sum, { self }) => sum + self * MiB, 0),
    hostComputeMib: host.compute,
    devices: lines.flatMap((line) => deviceOf(line)?.name.replace(/ \(.*$/s, "") ?? []),
  };
}

function deviceOf(line: string): Row | undefined {
  const [, name, ...figures] = DEVICE.exec(line) ?? [];
  const [total = 0, free = 0, self = 0, model = 0, context = 0, compute = 0, unaccounted = 0] = figures.map(Number);
  if (name === undefined || !isSum(self, [model, context, compute])) return undefined;
  return isRest(total - free - self, unaccounted) ? { name: name.trimEnd(), self, compute } : undefined;
}

function otherOf(line: string): Row | undefined {
  const [, name, ...figures] = OTHER.exec(line) ?? [];
  const [self = 0, model = 0, context = 0, compute = 0] = figures.map(Number);
  return name !== undefined && isSum(self, [model, context, compute])
    ? { name: name.trimEnd(), self, compute }
    : undefined;
}

/** Every figure is rounded down by itself, so a sum may be larger than its parts by less than one for each. */
function isSum(sum: number, parts: readonly number[]): boolean {
  const apart = sum - parts.reduce((all, part) => all + part, 0);
  return apart >= 0 && apart < parts.length;
}

/** 2^64 bytes in MiB: older builds print what is below zero as a number without a sign. */
const WRAP = 2 ** 44;
const ROUNDING = 3;

function isRest(expected: number, printed: number): boolean {
  const apart = Math.abs(expected - printed);
  return apart <= ROUNDING || Math.abs(apart - WRAP) <= ROUNDING;
}

/** What llama-server says about the compute buffer of one backend, in MiB. */
export interface ComputeBuffer {
  readonly name: string;
  readonly mib: number;
}

export function computeBufferOf(line: string): ComputeBuffer | undefined {
  const [, name, mib] = /(?<!\S)(\S+) +compute buffer size =\s*(\d+\.\d+) MiB/.exec(line) ?? [];
  return name === undefined ? undefined : { name, mib: Number(mib) };
}

/**
 * Bytes that the table counts more than once. The dry run adds up the compute buffers of all backends, and BLAS (Accelerate) works in
 * the buffer of the CPU: its size is then printed once for each of them, under one name (llama.cpp, `llama_context::memory_breakdown` and
 * `ggml_gallocr_reserve_n_size`). Zero where the sizes that were printed do not explain the host's compute figure.
 */
export function countedTwice({ hostComputeMib, devices }: Breakdown, buffers: readonly ComputeBuffer[]): number {
  const ofHost = buffers.filter(({ name }) => !devices.includes(name));
  const sum = ofHost.reduce((all, { mib }) => all + mib, 0);
  if (Math.abs(sum - hostComputeMib) > 1) return 0;
  const surplus = ofHost.filter(
    (one, index) => ofHost.findIndex(({ name, mib }) => name === one.name && mib === one.mib) < index,
  );
  return Math.round(surplus.reduce((all, { mib }) => all + mib, 0) * MiB);
}
