/** The flag of each argument of `LlmModel` that `deploy` can set, by the argument's path. */
export const FLAG_OF: Readonly<Record<string, string>> = {
  name: "NAME",
  source: "--source",
  sha256: "--sha256",
  quantization: "--quantization",
  memoryBudget: "--memory-budget",
  memoryFraction: "--memory-fraction",
  accelerator: "--accelerator",
  gpuLayers: "--gpu-layers",
  namespace: "--namespace",
  "serving.contextSize": "--context-size",
  "serving.parallelSlots": "--parallel",
  "serving.flashAttention": "--flash-attn",
  "serving.jinja": "--jinja",
  "serving.cacheTypeK": "--cache-type-k",
  "serving.cacheTypeV": "--cache-type-v",
  "serving.batchSize": "--batch-size",
  "serving.uBatchSize": "--ubatch-size",
  "serving.replicas": "--replicas",
  "serving.priority": "--priority",
  "serving.port": "--port",
  "serving.extraArgs": "--extra-args",
  "serving.idleUnload": "--idle-unload",
  "serving.aliases": "--alias",
  "serving.promptCache": "--prompt-cache",
  "serving.savedSlots": "--saved-slots",
};

/** Arguments whose names are no plain words, so that a sentence cannot mean anything else by them. */
const SPOKEN = Object.entries(FLAG_OF).flatMap(([path, flag]) => {
  const name = path.replace("serving.", "");
  return /[A-Z]/.test(name)
    ? [{ pattern: new RegExp(`(?<![\\w.-])(?:spec\\.|serving\\.)?${name}\\b`, "g"), flag }]
    : [];
});

/** A sentence about arguments of `LlmModel`, in the words of the command line. */
export function inFlags(sentence: string): string {
  return SPOKEN.reduce((text, { pattern, flag }) => text.replaceAll(pattern, flag), sentence);
}
