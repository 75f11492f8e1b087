import type { KnownEstimate, LoadMode } from "../memory/estimate/types.ts";

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

function forWeights(buffers: readonly NamedBuffer[]): readonly NamedBuffer[] {
  return buffers.filter(({ use }) => use === "model");
}

/** Of the buffers for weights, in MiB. */
export function modelMebibytes(buffers: readonly NamedBuffer[]): number {
  return forWeights(buffers).reduce((sum, { mebibytes }) => sum + mebibytes, 0);
}

/** The buffers for weights, for a person: `MTL0 235.1 MiB, CPU 170.0 MiB`. */
export function modelBuffers(buffers: readonly NamedBuffer[]): string {
  const shown = forWeights(buffers).map(({ device, mebibytes }) => `${device} ${mebibytes.toFixed(1)} MiB`);
  return shown.length === 0 ? "are not in the log" : shown.join(", ");
}

/**
 * What a server that serves holds beyond what the estimate counts for it, in bytes; negative where it holds less. On Metal it is what Metal
 * itself takes. The loading peak is over by then, and mapped weights are part of no footprint.
 */
export function ownShare(
  steadyBytes: number,
  { totalBytes, parts }: Pick<KnownEstimate, "totalBytes" | "parts">,
  loadMode: LoadMode,
): number {
  const { loading = 0, weights = 0 } = parts;
  return steadyBytes - (totalBytes - loading - (loadMode === "mmap" ? weights : 0));
}
