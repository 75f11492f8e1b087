import { fail, ok, type Result } from "../../api/result.ts";
import type { CacheType } from "./types.ts";

/** Elements a block and bytes a block. */
const BLOCKS: Readonly<Record<CacheType, readonly [elements: number, bytes: number]>> = {
  f32: [1, 4],
  f16: [1, 2],
  bf16: [1, 2],
  q8_0: [32, 34],
  q5_1: [32, 24],
  q5_0: [32, 22],
  q4_1: [32, 20],
  q4_0: [32, 18],
  iq4_nl: [32, 18],
};

/** Whether elements are stored in blocks that share a scale. A quantized V cache needs flash attention. */
export function isQuantized(type: CacheType): boolean {
  return BLOCKS[type][0] > 1;
}

/** Bytes of one row of a cache. Fails on a width that is not a multiple of the type's block. */
export function rowBytes(cache: "K" | "V", type: CacheType, elements: number): Result<number> {
  const [block, bytes] = BLOCKS[type];
  if (elements % block === 0) return ok((elements / block) * bytes);
  return fail(
    `a row of the ${cache} cache has ${elements} elements, which is not a multiple of the ${block} that ${type} needs: use f16`,
  );
}
