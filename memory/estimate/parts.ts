/** Parts of an estimate, in the order in which people are shown them, and what they are called everywhere. */
export const PARTS = {
  weights: { label: "weights", group: "weights" },
  /** Tied embeddings on Metal: the token table lies with the CPU and once more with the GPU. */
  tiedCopy: { label: "second copy of the embeddings", group: "weights" },
  kv: { label: "KV cache", group: "kv" },
  recurrent: { label: "recurrent state", group: "kv" },
  computeDevice: { label: "GPU compute buffer", group: "compute" },
  computeHost: { label: "CPU compute buffer", group: "compute" },
  /** Metal has no flash attention for this cache or these heads, so the CPU computes it. */
  attentionHost: { label: "attention on the CPU", group: "compute" },
  output: { label: "output buffer", group: "compute" },
  outputGrowth: { label: "output of a batch", group: "compute" },
  process: { label: "process and tokenizer", group: "compute" },
  /**
   * How much more a server holds while it loads than when it serves: 0 where serving takes more. So the sum of all parts is the larger
   * of both.
   */
  loading: { label: "loading peak", group: "weights" },
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
