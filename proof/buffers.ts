/** One buffer that llama.cpp names in its log. */
export interface NamedBuffer {
  /** Such as `MTL0`, `CPU`, `MTL0_Mapped`. */
  readonly device: string;
  /** Such as `model`, `KV`, `compute`. */
  readonly use: string;
  readonly mebibytes: number;
}

/** The buffers in a log of llama-server, as its lines `load_tensors: MTL0 model buffer size = 235.10 MiB` name them. */
export function buffersIn(log: string): readonly NamedBuffer[] {
  const lines = log.matchAll(
    /(?<device>[A-Z][\w]*) +(?<use>model|KV|RS|compute|output) +buffer size = +(?<size>[\d.]+) MiB/g,
  );
  return [...lines].map(({ groups: { device = "", use = "", size = "" } = {} }) => ({
    ...{ device, use },
    mebibytes: Number(size),
  }));
}

/** What Metal's own buffers add up to, in MiB. The old name of the device is `Metal`. */
export function metalShare(buffers: readonly NamedBuffer[]): number {
  const own = buffers.filter(({ device }) => /^(MTL\d+|Metal)/.test(device));
  return Math.round(own.reduce((sum, { mebibytes }) => sum + mebibytes, 0) * 100) / 100;
}
