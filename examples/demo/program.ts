import * as k8s from "@pulumi/kubernetes";
import { LlmModel } from "pulumi-llmkube";

export interface DemoModel {
  /** Absolute path of the weights. */
  readonly source: string;
  /** Where the manifests are rendered: the directory that the agent watches. */
  readonly manifests: string;
  /** Kubernetes quantity. */
  readonly memoryBudget: string;
  /** Tokens. */
  readonly contextSize: number;
  readonly port: number;
}

/**
 * What a user writes in `index.ts`: one model, its budget and how it is served, rendered for the agent on this machine.
 */
export function demoProgram(model: DemoModel): () => Promise<{ endpoint: unknown }> {
  return async () => {
    // Without this the provider would use a KUBECONFIG of the shell and refuse it together with a directory to render to.
    const provider = new k8s.Provider("manifests", { renderYamlToDirectory: model.manifests, kubeconfig: "" });
    const gemma = new LlmModel(
      "gemma",
      {
        source: model.source,
        memoryBudget: model.memoryBudget,
        accelerator: process.platform === "darwin" ? "metal" : "cpu",
        serving: { contextSize: model.contextSize, port: model.port },
        endpointHost: "127.0.0.1",
      },
      { provider },
    );
    return { endpoint: gemma.endpoint };
  };
}
