import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { CacheType, LlmModel } from "pulumi-llmkube";

const config = new pulumi.Config();

// The agent on this Mac reads what is rendered here; a provider with a kubeconfig in its place brings the model to a cluster.
const manifests = new k8s.Provider("manifests", { renderYamlToDirectory: "manifests", kubeconfig: "" });

const model = new LlmModel(
  "gemma",
  {
    source: config.get("source") ?? "hf://ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf",
    memoryBudget: config.get("memoryBudget") ?? "768Mi",
    serving: { contextSize: 4096, cacheTypeK: CacheType.Q8_0, cacheTypeV: CacheType.Q8_0 },
    endpointHost: "127.0.0.1",
  },
  { provider: manifests },
);

/** Base URL of the OpenAI-compatible API. */
export const endpoint = model.endpoint;
