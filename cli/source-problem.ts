import type { AgentFlags } from "./agent-flags.ts";

/** Why the flags name no source of work that can be, as a sentence; undefined: they name one, or none and mean the default folder. */
export function sourceProblem(flags: Partial<AgentFlags>): string | undefined {
  const { manifests, kubeconfig, apiKeyFile } = flags;
  if (kubeconfig === undefined) {
    const given = ofClusters(flags);
    return given === undefined ? undefined : `${given} needs --kubeconfig: it is about a node of a cluster`;
  }
  if (manifests !== undefined) {
    return "--manifests and --kubeconfig exclude each other: an agent has one source of work";
  }
  if (apiKeyFile !== undefined) {
    return "--api-key-file and --kubeconfig exclude each other: in a cluster the keys come from Secrets";
  }
  return undefined;
}

/** The same for an agent that runs as another user, whose default folder would be a surprise: it must be named. */
export function unnamedSource(flags: Partial<AgentFlags>): string | undefined {
  const { manifests, kubeconfig } = flags;
  if (manifests !== undefined || kubeconfig !== undefined) return sourceProblem(flags);
  return "--manifests is required: name the folder of manifests, or a cluster with --kubeconfig";
}

/** The first option of a cluster's node that was given. */
function ofClusters(flags: Partial<AgentFlags>): string | undefined {
  const { nodeName, nodeIp, kubeletPort, clientCaFile, standInMac } = flags;
  const needed = {
    "--node-name": nodeName,
    "--node-ip": nodeIp,
    "--kubelet-port": kubeletPort,
    "--client-ca-file": clientCaFile,
    "--stand-in-mac": standInMac,
  };
  return Object.entries(needed).find(([, value]) => value !== undefined)?.[0];
}
