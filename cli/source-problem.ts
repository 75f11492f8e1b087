import type { AgentFlags } from "./agent-flags.ts";

/** Why the flags name no source of work, or one of which they say what it has not, as a sentence; undefined: they name one. */
export function sourceProblem(flags: Partial<AgentFlags>): string | undefined {
  const { manifests, kubeconfig, apiKeyFile } = flags;
  if (kubeconfig === undefined) {
    const given = ofClusters(flags);
    if (given !== undefined) return `${given} needs --kubeconfig: it is about a node of a cluster`;
    return manifests === undefined
      ? "--manifests is required: name the folder of manifests, or a cluster with --kubeconfig"
      : undefined;
  }
  if (manifests !== undefined) {
    return "--manifests and --kubeconfig exclude each other: an agent has one source of work";
  }
  if (apiKeyFile !== undefined) {
    return "--api-key-file and --kubeconfig exclude each other: in a cluster the keys come from Secrets";
  }
  return undefined;
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
