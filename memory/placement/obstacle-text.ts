/** What stands between a replica and Macs: what the scheduler names, and what placement does. */
export type Obstacle = "memory" | "port" | "pods" | "labels" | "taint" | "absent" | "cordoned" | "other rules";

/** In which order they are told: what memory and a person can do something about comes first. */
export const OBSTACLES: readonly Obstacle[] = [
  "memory",
  "port",
  "pods",
  "cordoned",
  "absent",
  "labels",
  "taint",
  "other rules",
];

/**
 * One clause without a full stop: `2 Macs have too little free memory`.
 *
 * @param port that the replica needs; undefined where it can only be that of another replica
 */
export function obstacleText(kind: Obstacle, nodes: number, port: number | undefined): string {
  const one = nodes === 1;
  const macs = `${nodes} Mac${one ? "" : "s"}`;
  switch (kind) {
    case "memory":
      return `${macs} ${one ? "has" : "have"} too little free memory`;
    case "port":
      return `${macs} ${one ? "has" : "have"} a replica already${port === undefined ? "" : `, or something else on port ${port}`}`;
    case "pods":
      return `${macs} ${one ? "holds" : "hold"} as many pods as ${one ? "it" : "they"} may`;
    case "cordoned":
      return `${macs} ${one ? "is" : "are"} cordoned`;
    case "absent":
      return `${macs} ${one ? "does" : "do"} not answer`;
    case "labels":
      return `${nodesText(nodes)} ${one ? "is no Mac, or lacks" : "are no Macs, or lack"} what nodeSelector, affinity or memoryFraction ask for`;
    case "taint":
      return `${nodesText(nodes)} ${one ? "has a taint that keeps" : "have taints that keep"} it away`;
    case "other rules":
      return `${macs} ${one ? "is" : "are"} excluded by rules about other pods`;
  }
}

export function nodesText(nodes: number): string {
  return `${nodes} node${nodes === 1 ? "" : "s"}`;
}
