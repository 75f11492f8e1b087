import type { GgufHeader, GgufValue } from "../../gguf/header.ts";

/**
 * Larger than every width, head count and vocabulary in use, and small enough that no product of them overflows a
 * double.
 */
export const MAX_WIDTH = 2 ** 24;
export const MAX_LAYERS = 2 ** 12;

/** A key of a header that contradicts itself or another one; its message is for a person. */
export class BadKey extends Error {}

/** Reads keys of one architecture, by their names without it. A value of another kind or size throws {@link BadKey}. */
export interface KeyReader {
  required(key: string, least: number, most: number): number;
  optional(key: string, least: number, most: number): number | undefined;
  /** One number for all layers, or one for each layer. */
  byLayer(key: string, layers: number, least: number): readonly number[] | undefined;
  /** A period, or flags of the first layers: those after the last flag have none (llama-model.cpp, load_hparams). */
  pattern(key: string, layers: number): readonly boolean[] | number | undefined;
  /** One number for all layers, or one for each layer, after which more may follow. */
  atLeast(key: string, layers: number): readonly number[] | undefined;
  /** One flag for all layers, or one for each of at least the first `least` layers. */
  flags(key: string, layers: number, least: number): readonly boolean[] | undefined;
}

export function keyReader(metadata: GgufHeader["metadata"], architecture: string): KeyReader {
  const read = (key: string, least: number, most: number) =>
    wholeNumber(metadata.get(`${architecture}.${key}`), `${architecture}.${key}`, least, most);
  return {
    optional: read,
    required(key, least, most) {
      const value = read(key, least, most);
      if (value === undefined) throw new BadKey(`key "${architecture}.${key}" is missing: ${expected(least, most)}`);
      return value;
    },
    byLayer(key, layers, least) {
      const name = `${architecture}.${key}`;
      const value = metadata.get(name);
      if (!Array.isArray(value)) {
        const one = wholeNumber(value, name, least, MAX_WIDTH);
        return one === undefined ? undefined : Array<number>(layers).fill(one);
      }
      if (value.length !== layers) {
        throw new BadKey(`key "${name}" holds ${value.length} numbers: ${layers}, one for each layer, are expected`);
      }
      return value.map((item: number | boolean) => wholeNumber(item, name, least, MAX_WIDTH) ?? 0);
    },
    pattern(key, layers) {
      const name = `${architecture}.${key}`;
      const value = metadata.get(name);
      return Array.isArray(value) ? layerFlags(value, name, layers, 0) : wholeNumber(value, name, 0, MAX_LAYERS);
    },
    atLeast(key, layers) {
      const name = `${architecture}.${key}`;
      const value = metadata.get(name);
      if (value === undefined) return undefined;
      if (typeof value === "number") return Array<number>(layers).fill(wholeNumber(value, name, 0, MAX_WIDTH) ?? 0);
      if (!Array.isArray(value) || value.length < layers)
        throw new BadKey(`key "${name}" holds ${shown(value)}: ${layers} numbers, one for each layer, are expected`);
      return value.map((item: number | boolean) => wholeNumber(item, name, 0, MAX_WIDTH) ?? 0);
    },
    flags(key, layers, least) {
      const name = `${architecture}.${key}`;
      const value = metadata.get(name);
      if (value === undefined) return undefined;
      if (Array.isArray(value)) return layerFlags(value, name, layers, least);
      if (typeof value === "boolean") return Array<boolean>(layers).fill(value);
      throw new BadKey(`key "${name}" holds ${shown(value)}: a flag, or one for each layer, is expected`);
    },
  };
}

function layerFlags(
  value: readonly (number | boolean)[],
  name: string,
  layers: number,
  least: number,
): readonly boolean[] {
  if (value.length < least) {
    throw new BadKey(`key "${name}" holds ${value.length} flags: ${least}, one for each layer, are expected`);
  }
  return Array.from({ length: layers }, (_, layer) => Boolean(value[layer]));
}

function wholeNumber(value: GgufValue | undefined, key: string, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new BadKey(`key "${key}" holds ${shown(value)}: ${expected(least, most)}`);
}

export function shown(value: GgufValue): string {
  const text = typeof value === "object" ? ("value" in value ? String(value.value) : "a list") : String(value);
  return text.slice(0, 40);
}

/** What a key should have held, as the end of a sentence. */
export function expected(least: number, most: number): string {
  return `a whole number from ${least} to ${most} is expected`;
}
