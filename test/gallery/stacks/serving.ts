import { llmModel, manifest } from "../resources.ts";
import type { Stack } from "../stack.ts";

const source = "/models/llama3.1-8b.gguf";
const chat = (serving: object, options = {}) =>
  llmModel("chat", { source, memoryBudget: "8Gi", serving: { contextSize: 8192, ...serving } }, options);

/** Who can reach a server, what it is told, and how a pack is configured. */
export const SERVING: readonly Stack[] = [
  {
    name: "exposed-container",
    about: "A container behind a load balancer, without a key.",
    recommended: "refused",
    resources: [
      manifest("Model", "chat", { source, hardware: { accelerator: "cuda" } }),
      manifest("InferenceService", "chat", { modelRef: "chat", contextSize: 8192, endpoint: { type: "LoadBalancer" } }),
    ],
  },
  {
    name: "exposed-mac",
    about: "A model on a Mac for the whole network, where no controller makes a key.",
    recommended: "refused",
    resources: chat({ bindAddress: "0.0.0.0" }),
    options: { exposure: { generatedKeys: false } },
  },
  {
    name: "key-in-the-manifest",
    about: "A container's key is written into its environment.",
    recommended: "refused",
    resources: [
      manifest("Model", "chat", { source, hardware: { accelerator: "cuda" } }),
      manifest("InferenceService", "chat", {
        modelRef: "chat",
        contextSize: 8192,
        endpoint: { type: "NodePort" },
        env: [{ name: "LLAMA_API_KEY", value: "s3cr3t" }],
      }),
    ],
  },
  {
    name: "extra-args",
    about: "Extra arguments that go around typed fields.",
    recommended: "refused",
    resources: chat({ extraArgs: ["--ctx-size", "131072", "--host", "0.0.0.0", "--temp", "0.2"] }),
  },
  {
    name: "exemption",
    about: "Slots that are too small, let pass by name with a reason.",
    recommended: "passes",
    resources: chat({ contextSize: 4096, parallelSlots: 8 }),
    options: { exclude: [{ policy: "context-per-slot", name: "chat", reason: "it only classifies short texts" }] },
  },
  {
    name: "exemption-of-a-refusal",
    about: "A model that does not fit its budget, let pass by name with a reason.",
    recommended: "passes",
    resources: chat({ contextSize: 65_536 }),
    options: { exclude: [{ policy: "memory-fits", name: "default/chat", reason: "it is measured by hand" }] },
  },
  {
    name: "bad-pack-configuration",
    about: "A pack whose configuration has a slip in three policies.",
    recommended: "refused",
    resources: [
      ...chat({}),
      ...llmModel("second", { source, memoryBudget: "8Gi", serving: { contextSize: 8192, port: 8081 } }),
    ],
    config: {
      "memory-fits": { hostMemory: "64" },
      "context-per-slot": { minToken: 4096 },
      "fleet-placement": { hosts: [{ name: "studio", memory: "64GB!" }] },
    },
  },
];
