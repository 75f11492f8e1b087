import { UNKNOWN } from "../../policies/analyse.ts";
import { folder, llmModel, llmNode } from "../resources.ts";
import type { Stack } from "../stack.ts";

const LLAMA = { source: "/models/llama3.1-8b.gguf", memoryBudget: "10Gi" };
const SMALL = { source: "/models/llama3.2-1b.gguf", memoryBudget: "3Gi" };
const MIXTURE = { source: "/models/qwen3-30b-a3b.gguf", memoryBudget: "20Gi" };
const MACS = [
  llmNode("studio-1", { memory: "64Gi" }, { room: "lab" }),
  llmNode("studio-2", { memory: "64Gi" }, { room: "lab" }),
  llmNode("mini-1", { memory: "16Gi" }, { room: "office" }),
];
const MINI = [llmNode("mini-1", { memory: "16Gi" })];

/** Of a Mac that has a gateway. */
const behindGateway = (name: string, more: object = {}) =>
  llmModel(
    name,
    { ...LLAMA, gateway: "127.0.0.1:8080", serving: { contextSize: 8192, ...more } },
    { provider: "mini-1" },
  );
const TEN = ["chat", "code", "draft", "mail", "notes", "plan", "search", "tests", "title", "translate"];

/** Several models, on one Mac or on a fleet. */
export const FLEET: readonly Stack[] = [
  {
    name: "mac-fleet",
    about: "Three Macs, and three models with room for all.",
    recommended: "silent",
    resources: [
      ...MACS,
      ...llmModel("chat", { ...LLAMA, serving: { contextSize: 8192, replicas: 2, priority: "high" } }),
      ...llmModel("code", { ...MIXTURE, serving: { contextSize: 16_384 } }),
      ...llmModel("batch", { ...SMALL, serving: { contextSize: 4096, priority: "batch" } }),
    ],
  },
  {
    name: "two-models-one-port",
    about: "Two models of one folder on the default port.",
    recommended: "refused",
    resources: [
      folder("mac"),
      ...llmModel("chat", { ...SMALL, serving: {} }, { provider: "mac" }),
      ...llmModel("code", { ...SMALL, serving: {} }, { provider: "mac" }),
    ],
  },
  {
    name: "two-models-one-port-by-hand",
    about: "The same in a folder of a Mac that is declared.",
    recommended: "refused",
    resources: [
      ...MINI,
      folder("mini-1"),
      ...llmModel("chat", { ...SMALL, serving: { port: 9000 } }, { provider: "mini-1" }),
      ...llmModel("code", { ...SMALL, serving: { port: 9000 } }, { provider: "mini-1" }),
    ],
  },
  {
    name: "one-name-twice",
    about: "Two providers render a model of one name to one folder.",
    recommended: "refused",
    resources: [
      folder("one", "/srv/manifests"),
      folder("two", "/srv/manifests"),
      ...llmModel("chat", { ...SMALL, serving: {} }, { provider: "one" }),
      ...llmModel("chat", { ...SMALL, serving: {} }, { provider: "two" }),
    ],
  },
  {
    name: "two-providers",
    about: "One name on two Macs, each with a folder of its own: two models.",
    recommended: "silent",
    resources: [
      folder("studio-1"),
      folder("studio-2"),
      ...llmModel("chat", { ...SMALL, serving: {} }, { provider: "studio-1" }),
      ...llmModel("chat", { ...SMALL, serving: {} }, { provider: "studio-2" }),
    ],
  },
  {
    name: "together-too-large",
    about: "Two models that fit one Mac each, and not together.",
    recommended: "refused",
    resources: [
      ...MINI,
      ...llmModel("chat", { ...LLAMA, serving: { contextSize: 16_384 } }),
      ...llmModel("code", { ...LLAMA, serving: { contextSize: 16_384, port: 8081 } }),
    ],
  },
  {
    name: "ten-models-behind-a-gateway",
    about: "Ten models of one Mac with room for two at once: behind its gateway they take turns.",
    recommended: "silent",
    resources: [...MINI, folder("mini-1"), ...TEN.flatMap((name) => behindGateway(name, { contextSize: 4096 }))],
  },
  {
    name: "no-room-for-a-turn",
    about: "Behind a gateway, a model that never unloads leaves too little room for others to take turns beside it.",
    recommended: "refused",
    resources: [
      ...MINI,
      folder("mini-1"),
      ...behindGateway("kept", { evictionProtection: true }),
      ...TEN.flatMap((name) => behindGateway(name, { contextSize: 16_384 })),
    ],
  },
  {
    name: "larger-than-every-mac",
    about: "A model that no declared Mac has the memory for.",
    recommended: "refused",
    resources: [...MINI, ...llmModel("code", { ...MIXTURE, serving: { contextSize: 8192 } })],
  },
  {
    name: "placement-by-priority",
    about: "The more important of two models gets the only Mac with room for one of them.",
    recommended: "refused",
    resources: [
      ...MACS,
      ...llmModel("batch", {
        ...MIXTURE,
        serving: { contextSize: 8192, nodeSelector: { room: "office" }, priority: "batch" },
      }),
      ...llmModel("low", {
        ...LLAMA,
        serving: { contextSize: 16_384, nodeSelector: { room: "office" }, priority: "low" },
      }),
      ...llmModel("high", {
        ...LLAMA,
        serving: { contextSize: 16_384, nodeSelector: { room: "office" }, priority: "critical" },
      }),
    ],
  },
  {
    name: "replicas-above-macs",
    about: "Three replicas for the two Macs of a room.",
    recommended: "refused",
    resources: [
      ...MACS,
      ...llmModel("chat", { ...LLAMA, serving: { contextSize: 8192, replicas: 3, nodeSelector: { room: "lab" } } }),
    ],
  },
  {
    name: "no-such-room",
    about: "A label that no Mac has.",
    recommended: "refused",
    resources: [
      ...MACS,
      ...llmModel("chat", { ...LLAMA, serving: { contextSize: 8192, nodeSelector: { room: "attic" } } }),
    ],
  },
  {
    name: "one-mac-declared-twice",
    about: "Two LlmNodes of one name.",
    recommended: "refused",
    resources: [
      ...MINI,
      { ...llmNode("mini-1", { memory: "32Gi" }), name: "again" },
      ...llmModel("chat", { ...SMALL, serving: {} }),
    ],
  },
  {
    name: "mac-not-known-yet",
    about: "A Mac whose memory is only known during the update, and two models.",
    recommended: "silent",
    resources: [
      ...MINI,
      { ...llmNode("studio-1", {}), inputs: { nodeName: "studio-1", memory: UNKNOWN, allocatable: UNKNOWN } },
      ...llmModel("chat", { ...SMALL, serving: {} }),
      ...llmModel("code", { ...SMALL, serving: { port: 8081 } }),
    ],
  },
];
