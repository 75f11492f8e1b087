import { readFileSync } from "node:fs";
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LlmController, LlmModel, LlmNode } from "../../components/index.ts";

// A fleet of Macs in one Pulumi program, which imports from "pulumi-llmkube" where it is not part of this repository. Its configuration:
//   pulumi config set --secret kubeconfig "$(kubectl config view --minify --flatten)"
//   pulumi config set image registry.example/team/pulumi-llmkube:0.1.0
//   pulumi config set server https://10.0.0.1:6443
//   pulumi config set --path 'macs[0]' studio-1
const config = new pulumi.Config();
const kubeconfig = config.requireSecret("kubeconfig");
const provider = new k8s.Provider("cluster", { kubeconfig });

const controller = new LlmController("fleet", { image: config.require("image"), replicas: 2 }, { provider });

const authorityFile = config.get("certificateAuthorityFile");
const macs = config.requireObject<readonly string[]>("macs").map((name) => {
  const args = { server: config.require("server"), namespace: controller.namespace, sshDestination: `admin@${name}` };
  const authority = authorityFile === undefined ? {} : { certificateAuthority: readFileSync(authorityFile, "utf8") };
  return [name, new LlmNode(name, { ...args, ...authority }, { provider })] as const;
});

const chat = new LlmModel(
  "chat",
  {
    source: "hf://bartowski/Llama-3.2-3B-Instruct-GGUF/Llama-3.2-3B-Instruct-Q4_K_M.gguf",
    memoryBudget: "6Gi",
    serving: { replicas: 2, contextSize: 8192 },
  },
  { provider, dependsOn: controller },
);

/** One line for each Mac, to be run once in a shell with kubectl and ssh. */
export const install = Object.fromEntries(macs.map(([name, mac]) => [name, mac.installCommand]));

/** Where the model answers inside the cluster. */
export const endpoint = chat.endpoint;
