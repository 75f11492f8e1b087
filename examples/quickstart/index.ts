import * as k8s from "@pulumi/kubernetes";
import { LlmModel } from "pulumi-llmkube";

const provider = new k8s.Provider("manifests", { renderYamlToDirectory: "manifests", kubeconfig: "" });

export const { endpoint } = new LlmModel(
  "gemma",
  {
    source: "hf://ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf",
    memoryBudget: "768Mi",
    serving: {},
    endpointHost: "127.0.0.1",
  },
  { provider },
);
