import { nodeAccount } from "../api/fleet.ts";

/** Days that the first token of a Mac is good for; from then on the agent renews it. A cluster may allow fewer. */
export const FIRST_TOKEN_HOURS = 720;

/** Where the agent's kubeconfig and its first token are, from the home folder of its user. */
export const MAC_FOLDER = ".pulumi-llmkube";
export const TOKEN_FILE = "token";

export interface InstallCommandOptions {
  readonly nodeName: string;
  readonly namespace: string;
  /** How ssh reaches the Mac: `admin@10.0.0.7`. */
  readonly sshDestination: string;
  /** Refers to the file {@link TOKEN_FILE} beside it, so that it is no secret. */
  readonly kubeconfig: string;
}

/**
 * One line for a shell with kubectl and ssh, of somebody who may create tokens for ServiceAccounts of the namespace: asks the cluster for
 * the token, which goes through a pipe into a file of mode 0600 on the Mac, and starts the agent there. No secret is in it.
 */
export function installCommand(options: InstallCommandOptions): string {
  const { nodeName, namespace, sshDestination, kubeconfig } = options;
  const text = Buffer.from(kubeconfig).toString("base64");
  const files = [
    "umask 077",
    `mkdir -p ${MAC_FOLDER}`,
    `cat > ${MAC_FOLDER}/${TOKEN_FILE}`,
    `echo ${text} | base64 --decode > ${MAC_FOLDER}/kubeconfig`,
  ].join(" && ");
  const token = `kubectl create token ${nodeAccount(nodeName)} --namespace ${namespace} --duration ${FIRST_TOKEN_HOURS}h`;
  const start = `sudo pulumi-llmkube agent install --kubeconfig "$HOME/${MAC_FOLDER}/kubeconfig"`;
  return `${token} | ssh ${sshDestination} '${files}' && ssh -t ${sshDestination} '${start}'`;
}
