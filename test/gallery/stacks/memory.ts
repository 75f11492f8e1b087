import { llmModel, manifest } from "../resources.ts";
import type { Stack } from "../stack.ts";

const LLAMA = "/models/llama3.1-8b.gguf";
const serving = { contextSize: 8192 };
const hostMemory = { hostMemory: "32Gi" };

/** Budgets, contexts and caches. */
export const MEMORY: readonly Stack[] = [
  {
    name: "no-budget",
    about: "Nobody says how much memory the model may use.",
    recommended: "passes",
    resources: llmModel("chat", { source: LLAMA, serving }),
  },
  {
    name: "context-too-large-for-budget",
    about: "The weights fit, and the cache of a long context does not.",
    recommended: "refused",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "8Gi", serving: { contextSize: 65_536 } }),
  },
  {
    name: "context-too-large-for-fraction",
    about: "The same with a share of a Mac that nobody describes.",
    recommended: "refused",
    resources: llmModel("chat", { source: LLAMA, memoryFraction: 0.25, serving: { contextSize: 65_536 } }),
  },
  {
    name: "weights-too-large",
    about: "The weights alone are more than the budget.",
    recommended: "refused",
    resources: llmModel("mixture", { source: "/models/qwen3-30b-a3b.gguf", memoryBudget: "12Gi", serving }),
  },
  {
    name: "budget-without-unit",
    about: "A budget whose unit was forgotten.",
    recommended: "refused",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "24", serving }),
  },
  {
    name: "budget-of-wrong-form",
    about: "A budget that is no quantity of Kubernetes.",
    recommended: "refused",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "24 GB", serving }),
  },
  {
    name: "fraction-above-one",
    about: "A fraction that is written as a percentage.",
    recommended: "refused",
    resources: llmModel("chat", { source: LLAMA, memoryFraction: 50, serving }),
  },
  {
    name: "fraction-and-budget",
    about: "Both kinds of budget, of which one has no effect.",
    recommended: "passes",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "8Gi", memoryFraction: 0.5, serving }),
  },
  {
    name: "budget-above-the-mac",
    about: "A budget that the Mac of the configuration cannot give.",
    recommended: "refused",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "30Gi", serving }),
    options: hostMemory,
  },
  {
    name: "budget-above-this-machine",
    about: "A budget above the memory of the machine that runs Pulumi, where no Mac is described.",
    recommended: "passes",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "96Gi", serving }),
  },
  {
    name: "nearly-the-whole-mac",
    about: "A budget that leaves little of its Mac to others.",
    recommended: "passes",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "20Gi", serving }),
    options: hostMemory,
  },
  {
    name: "context-above-training",
    about: "A context that the model was not trained for.",
    recommended: "passes",
    resources: llmModel("phi", { source: "/models/phi3-mini-4k.gguf", memoryBudget: "12Gi", serving }),
  },
  {
    name: "slots-too-small",
    about: "Eight slots share the context of one.",
    recommended: "passes",
    resources: llmModel("chat", {
      source: LLAMA,
      memoryBudget: "8Gi",
      serving: { contextSize: 4096, parallelSlots: 8 },
    }),
  },
  {
    name: "cache-off-the-fast-path",
    about: "Keys and values of the cache in two types, for which Metal has no flash attention.",
    recommended: "passes",
    resources: llmModel("chat", {
      source: LLAMA,
      memoryBudget: "8Gi",
      serving: { ...serving, cacheTypeK: "q8_0", cacheTypeV: "q4_0" },
    }),
  },
  {
    name: "cache-type-of-wrong-name",
    about: "A quantization of weights as the type of a cache.",
    recommended: "refused",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "8Gi", serving: { ...serving, cacheTypeK: "q4_k_m" } }),
  },
  {
    name: "remedies",
    about: "A pack that may change what does not fit: a budget, a cache, a context.",
    recommended: "passes",
    resources: [
      ...llmModel("unset", { source: LLAMA, serving: {} }),
      ...llmModel("long", { source: LLAMA, memoryBudget: "7Gi", serving: { contextSize: 20_480 } }),
      ...llmModel("longer", { source: LLAMA, memoryBudget: "7Gi", serving: { contextSize: 131_072, port: 8081 } }),
    ],
    options: { autoBudget: "remediate", autoCacheType: "remediate", autoContext: "remediate" },
  },
  {
    name: "hand-written-manifests",
    about: "Manifests without LlmModel: fields have the names of the manifest, and the service comes first.",
    recommended: "refused",
    resources: [
      manifest("InferenceService", "chat", { modelRef: "chat", contextSize: 65_536, parallelSlots: 64 }),
      manifest("Model", "chat", { source: LLAMA, hardware: { accelerator: "metal", memoryBudget: "8Gi" } }),
    ],
  },
  {
    name: "model-of-another-stack",
    about: "A service of a Model that this stack does not have.",
    recommended: "passes",
    resources: [manifest("InferenceService", "chat", { modelRef: "elsewhere", contextSize: 8192 })],
  },
];
