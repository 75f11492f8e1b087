import { folder, llmModel } from "../resources.ts";
import type { Stack } from "../stack.ts";

const LLAMA = "/models/llama3.1-8b.gguf";
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const PINNED = `hf://org/repo@${COMMIT}/llama3.1-8b.gguf`;
const serving = { contextSize: 8192 };

/** One Mac, and one or a few models. */
export const HOME: readonly Stack[] = [
  {
    name: "home-mac",
    about: "One Mac reads a folder, with one model that fits, from a file on it.",
    recommended: "silent",
    resources: [
      folder("mac"),
      ...llmModel("chat", { source: LLAMA, memoryBudget: "8Gi", serving }, { provider: "mac" }),
    ],
  },
  {
    name: "models-behind-a-gateway",
    about: "Three models of one Mac behind its gateway, without ports, one of them with an alias.",
    recommended: "silent",
    resources: [
      folder("mac"),
      ...["chat", "code", "draft"].flatMap((name) =>
        llmModel(
          name,
          {
            source: LLAMA,
            memoryBudget: "8Gi",
            gateway: "127.0.0.1:8080",
            serving: {
              ...serving,
              idleUnload: "10m",
              promptCache: "auto",
              ...(name === "chat" && { aliases: ["gpt-4o"] }),
            },
          },
          { provider: "mac" },
        ),
      ),
    ],
  },
  {
    name: "bad-settings-of-a-gateway",
    about:
      "Two models of one Mac with one alias: one may both never and soon unload, and the other has a prompt cache that its budget has no room for.",
    recommended: "refused",
    resources: [
      folder("mac"),
      ...llmModel(
        "chat",
        {
          source: LLAMA,
          memoryBudget: "8Gi",
          gateway: "127.0.0.1:8080",
          serving: { ...serving, evictionProtection: true, idleUnload: "10m", aliases: ["gpt-4o"] },
        },
        { provider: "mac" },
      ),
      ...llmModel(
        "code",
        {
          source: LLAMA,
          memoryBudget: "8Gi",
          gateway: "127.0.0.1:8080",
          serving: { ...serving, aliases: ["gpt-4o"], promptCache: "6Gi" },
        },
        { provider: "mac" },
      ),
    ],
  },
  {
    name: "pinned-on-the-hub",
    about: "A model of the hub by its commit, with a budget that it fits.",
    recommended: "silent",
    resources: llmModel("chat", { source: PINNED, memoryBudget: "8Gi", serving }),
  },
  {
    name: "not-served",
    about: "A model that nobody serves yet.",
    recommended: "silent",
    resources: llmModel("chat", { source: LLAMA, memoryBudget: "8Gi" }),
  },
  {
    name: "draft-model",
    about: "A small model drafts for a larger one, within its budget.",
    recommended: "silent",
    resources: [
      ...llmModel("small", { source: "/models/llama3.2-1b.gguf", memoryBudget: "2Gi" }),
      ...llmModel("chat", { source: LLAMA, memoryBudget: "10Gi", serving: { ...serving, draftModel: "small" } }),
    ],
  },
  {
    name: "draft-model-too-large",
    about: "With the model that drafts for it, a model no longer fits.",
    recommended: "refused",
    resources: [
      ...llmModel("small", { source: "/models/llama3.2-1b.gguf", memoryBudget: "2Gi" }),
      ...llmModel("chat", { source: LLAMA, memoryBudget: "6Gi", serving: { ...serving, draftModel: "small" } }),
    ],
  },
  {
    name: "projector",
    about: "A model with a projector, within its budget.",
    recommended: "silent",
    resources: llmModel("eyes", {
      source: "/models/gemma3-12b.gguf",
      mmproj: "/models/mmproj.gguf",
      memoryBudget: "12Gi",
      serving: {},
    }),
  },
  {
    name: "projector-too-large",
    about: "A model that fits by itself, and not with its projector.",
    recommended: "refused",
    resources: llmModel("eyes", {
      source: "/models/gemma3-12b.gguf",
      mmproj: "/models/mmproj.gguf",
      memoryBudget: "7600Mi",
      serving: {},
    }),
  },
  {
    name: "two-slots-pinned-key",
    about: "Two slots with enough context, a quantized cache, and a key for the network.",
    recommended: "silent",
    resources: llmModel(
      "team",
      {
        source: PINNED,
        memoryBudget: "10Gi",
        serving: {
          contextSize: 16_384,
          parallelSlots: 2,
          cacheTypeK: "q8_0",
          cacheTypeV: "q8_0",
          bindAddress: "0.0.0.0",
        },
      },
      { annotations: { "llmkube.dev/api-key-secret": "team-keys" } },
    ),
  },
];
