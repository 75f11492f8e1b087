import { readFileSync } from "node:fs";
import { packageVersion } from "../agent/state/package.ts";
import { nodeAccount, SYSTEM_NAMESPACE } from "../api/fleet.ts";
import { nodeNameProblem } from "../api/node-name.ts";
import { controllerManifests } from "../cluster/controller.ts";
import { installCommand, TOKEN_FILE } from "../cluster/install-command.ts";
import { nodeKubeconfig } from "../cluster/kubeconfig.ts";
import { CONTROLLER } from "../cluster/names.ts";
import { nodeManifests } from "../cluster/node.ts";
import { manifestsYaml } from "../cluster/yaml.ts";

export interface ControllerFlags {
  readonly image?: string;
  readonly namespace?: string;
  readonly replicas: number;
  readonly crds: boolean;
}

export interface NodeFlags {
  readonly namespace?: string;
  readonly server?: string;
  readonly certificateAuthority?: string;
  readonly ssh?: string;
}

export function printController({ image, namespace = SYSTEM_NAMESPACE, replicas, crds }: ControllerFlags): void {
  const own = namespaceFlag(namespace);
  const start =
    image === undefined
      ? [
          "There is no Deployment, because no --image was given. Build one from the Dockerfile of the package, or run the controller elsewhere with",
          `a token of its ServiceAccount (kubectl create token ${CONTROLLER} --namespace ${namespace}): only that user may make models' Deployments.`,
        ]
      : [`Then wait for it: kubectl --namespace ${namespace} rollout status deployment/${CONTROLLER}`];
  const comment = [
    `The controller of pulumi-llmkube ${packageVersion()}, and what it needs. Apply it with: kubectl apply -f FILE`,
    "",
    ...start,
    `Then make the identity of each Mac: pulumi-llmkube manifests node NAME${own} | kubectl apply -f -`,
  ];
  console.log(manifestsYaml(controllerManifests({ image, namespace, replicas, crds }), comment).trimEnd());
}

/** Throws one sentence for a name that no Node can have, or a file that is no certificate. */
export function printNode(nodeName: string, flags: NodeFlags): void {
  const { namespace = SYSTEM_NAMESPACE } = flags;
  const problem = nodeNameProblem(nodeName);
  if (problem !== undefined) throw new Error(problem);
  const comment = [
    `The identity of the Mac ${nodeName} for pulumi-llmkube ${packageVersion()}. Apply it with: kubectl apply -f FILE`,
    "",
    ...installSteps(nodeName, namespace, flags),
    "",
    `To take the Mac's rights away at once: kubectl delete serviceaccount ${nodeAccount(nodeName)} --namespace ${namespace}`,
  ];
  console.log(manifestsYaml(nodeManifests({ nodeName, namespace }), comment).trimEnd());
}

function installSteps(nodeName: string, namespace: string, flags: NodeFlags): readonly string[] {
  const { server, certificateAuthority: file, ssh = nodeName } = flags;
  if (server === undefined) {
    return [
      "Give --server (and --certificate-authority), and the command that installs the agent on the Mac stands here. Those of your own kubeconfig:",
      "kubectl config view --minify --flatten",
    ];
  }
  const certificateAuthority = file === undefined ? undefined : certificateIn(file);
  const token = { file: TOKEN_FILE };
  const kubeconfig = nodeKubeconfig({ nodeName, namespace, server, certificateAuthority, token });
  return [
    "Then install the agent on the Mac, from a shell with kubectl and ssh:",
    installCommand({ nodeName, namespace, sshDestination: ssh, kubeconfig }),
  ];
}

function certificateIn(file: string): string {
  const pem = readFileSync(file, "utf8");
  if (pem.includes("-----BEGIN CERTIFICATE-----")) return pem;
  throw new Error(`${file} holds no certificate in PEM: name the file of the API server's authority`);
}

function namespaceFlag(namespace: string): string {
  return namespace === SYSTEM_NAMESPACE ? "" : ` --namespace ${namespace}`;
}
