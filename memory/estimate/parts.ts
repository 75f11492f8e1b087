/** Parts of an estimate, in the order in which people are shown them, and what they are called everywhere. */
export const PARTS = {
  weights: { label: "weights", group: "weights" },
  kv: { label: "KV cache", group: "kv" },
  recurrent: { label: "recurrent state", group: "kv" },
  computeDevice: { label: "GPU compute buffer", group: "compute" },
  computeHost: { label: "CPU compute buffer", group: "compute" },
  output: { label: "output buffer", group: "compute" },
  process: { label: "process and tokenizer", group: "compute" },
  promptCache: { label: "prompt cache", group: "cache" },
  checkpoints: { label: "context checkpoints", group: "cache" },
  mmproj: { label: "projector", group: "weights" },
  draft: { label: "draft model", group: "weights" },
  lora: { label: "LoRA adapters", group: "weights" },
} as const satisfies Record<string, { readonly label: string; readonly group: string }>;

export type Part = keyof typeof PARTS;
export type PartGroup = (typeof PARTS)[Part]["group"];

/** The few figures that a picture of memory shows: each is the sum of the parts of its group. */
export const PART_GROUPS: Readonly<Record<PartGroup, string>> = {
  weights: "weights",
  kv: "KV cache",
  compute: "compute",
  cache: "prompt cache",
};

/** What a part is called; a part of another version's estimate keeps its own name. */
export function partLabel(part: string): string {
  return Object.hasOwn(PARTS, part) ? PARTS[part as Part].label : part;
}
