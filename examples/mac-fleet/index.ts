import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { hosts, LlmController, LlmModel, LlmNode, Priority } from "pulumi-llmkube";

const config = new pulumi.Config();
const kubeconfig = config.getSecret("kubeconfig");

// Without a kubeconfig everything is rendered to a folder: enough for a preview that knows the Macs, and to be applied later.
const provider = new k8s.Provider(
  "fleet",
  kubeconfig === undefined ? { renderYamlToDirectory: "manifests", kubeconfig: "" } : { kubeconfig },
);

const image = config.get("image");
const controller = image === undefined ? undefined : new LlmController("fleet", { image, replicas: 2 }, { provider });

/** The Macs get an identity in the cluster where the address of its API server is known. */
function identityOf(name: string) {
  const server = config.get("server");
  if (server === undefined) return {};
  const file = config.get("certificateAuthorityFile");
  return {
    server,
    sshDestination: `admin@${name}`,
    ...(file !== undefined && { certificateAuthority: readFileSync(file, "utf8") }),
    ...(controller !== undefined && { namespace: controller.namespace }),
  };
}

const macs = {
  "studio-1": { ...hosts.macStudioM4Max128, labels: { room: "lab" } },
  "studio-2": { ...hosts.macStudioM4Max64, labels: { room: "lab" } },
  "mini-1": { ...hosts.macMiniM4Pro48, labels: { room: "office" } },
};
const nodes = Object.entries(macs).map(
  ([name, mac]) => [name, new LlmNode(name, { ...mac, ...identityOf(name) }, { provider })] as const,
);

const options = { provider, ...(controller !== undefined && { dependsOn: controller }) };

const chat = new LlmModel(
  "chat",
  {
    source: config.get("chatSource") ?? "hf://bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf",
    memoryBudget: "6Gi",
    serving: { replicas: 2, contextSize: 8192, priority: Priority.High },
  },
  options,
);

const batch = new LlmModel(
  "batch",
  {
    source: config.get("batchSource") ?? "hf://ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf",
    memoryBudget: "768Mi",
    serving: { port: 8081, priority: Priority.Batch },
  },
  options,
);

/** What all models of each Mac together may use, in bytes. */
export const allocatable = Object.fromEntries(nodes.map(([name, node]) => [name, node.allocatable]));

/** One line for each Mac of a cluster, to be run once in a shell with kubectl and ssh. */
export const install = Object.fromEntries(nodes.map(([name, node]) => [name, node.installCommand]));

/** Where the models answer inside the cluster. */
export const endpoints = { chat: chat.endpoint, batch: batch.endpoint };
