import type { GgufHeader } from "../../gguf/header.ts";
import { NEEDED, type Needed } from "./needed-tensors.ts";

/** Above every model in use. More is a forged count, and no reason to look for as many tensors. */
const MAX_LAYERS = 2 ** 12;

/**
 * The name of a tensor that llama.cpp asks for and this header, with all shards, does not have; undefined where nothing is known to be
 * missing. Layers for multi-token prediction are outside of it, and a file may hold only those.
 */
export function missingTensor({ metadata, tensors }: GgufHeader): string | undefined {
  const architecture = String(metadata.get("general.architecture"));
  const needed = NEEDED.get(architecture);
  if (needed === undefined) return undefined;
  const names = new Set(tensors.map(({ name }) => name));
  const has = (name: string) => names.has(name) || names.has(`${name}.weight`);
  const once = words(needed.once).find((name) => !has(name));
  if (once !== undefined) return `${once}.weight`;

  const predicting = countOf(metadata.get(`${architecture}.nextn_predict_layers`));
  const prefix = needed.layers ?? "blk";
  if (predicting > 0 && !tensors.some(({ name }) => name.startsWith(`${prefix}.0.`))) return undefined;
  const layers = countOf(metadata.get(`${architecture}.block_count`)) - predicting;
  return missingInLayers(needed, prefix, layers, has);
}

function missingInLayers(
  { each }: Needed,
  prefix: string,
  layers: number,
  has: (name: string) => boolean,
): string | undefined {
  const clauses = words(each).map((clause) => clause.split("|"));
  for (let layer = 0; layer < layers; layer += 1) {
    const missing = clauses.find((names) => !names.some((name) => has(`${prefix}.${layer}.${name}`)));
    if (missing !== undefined) return `${prefix}.${layer}.${missing[0]}.weight`;
  }
  return undefined;
}

function words(text: string): readonly string[] {
  return text.split(" ").filter((word) => word !== "");
}

/** Where a key holds no such count, its own sentence comes later, from whoever reads it. */
function countOf(value: unknown): number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= MAX_LAYERS ? value : 0;
}
