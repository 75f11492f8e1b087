import {
  type Obstacle as KnownObstacle,
  nodesText,
  OBSTACLES,
  obstacleText,
} from "../../memory/placement/obstacle-text.ts";

/** What the scheduler says of a pod that it finds no place for: nodes by what stands in the way. */
export interface SchedulerWords {
  /** All nodes of the cluster, Macs or not. */
  readonly nodes: number;
  readonly obstacles: readonly Obstacle[];
}

export interface Obstacle {
  readonly kind: ObstacleKind;
  readonly nodes: number;
  /** The scheduler's own words. */
  readonly words: string;
}

/** `other`: what is not known here; its words are passed on. */
export type ObstacleKind = KnownObstacle | "other";

const FORM = /^\d+\/(?<nodes>\d+) nodes are available: (?<obstacles>.*?)\.?(?: preemption: .*)?$/s;
const OBSTACLE = /^(?<nodes>\d+) (?<words>.+)$/s;

/** The words of kube-scheduler 1.36 (its plugins' reasons), and of earlier ones where they differ. */
const KINDS: readonly (readonly [words: RegExp, kind: ObstacleKind])[] = [
  [/^Insufficient memory$/, "memory"],
  [/^Too many pods$/, "pods"],
  [/didn't have free ports/, "port"],
  [/node affinity|node selector|affinity\/selector/, "labels"],
  [/taint.*node\.kubernetes\.io\/(unreachable|not-ready)/, "absent"],
  [/were unschedulable|node\.kubernetes\.io\/unschedulable/, "cordoned"],
  [/taint/, "taint"],
  [/topology spread|pod affinity|anti-affinity/, "other rules"],
];

/** Undefined where the sentence is of another form: then it is passed on as it is. */
export function parseSchedulerWords(message: string): SchedulerWords | undefined {
  const groups = FORM.exec(message)?.groups;
  if (groups === undefined) return undefined;
  const obstacles = (groups["obstacles"] ?? "").split(/, (?=\d+ )/).map(obstacleOf);
  const known = obstacles.filter((obstacle) => obstacle !== undefined);
  return known.length === obstacles.length ? { nodes: Number(groups["nodes"]), obstacles: known } : undefined;
}

function obstacleOf(text: string): Obstacle | undefined {
  const groups = OBSTACLE.exec(text)?.groups;
  const words = groups?.["words"];
  if (words === undefined) return undefined;
  const kind = KINDS.find(([pattern]) => pattern.test(words))?.[1] ?? "other";
  return { kind, nodes: Number(groups?.["nodes"]), words };
}

/** Why replicas have no Mac yet. */
export interface Unscheduled {
  /** One word. */
  readonly reason: "Unschedulable" | "WaitingForMemory";
  readonly message: string;
  /** What more of would help. */
  readonly waitingFor: string | undefined;
}

/**
 * What the scheduler says of a pod, for people who think in Macs and models; its own words where they are of another form.
 *
 * @param port of the pod
 */
export function explainUnscheduled(message: string, port?: number): Unscheduled {
  const words = parseSchedulerWords(message);
  if (words === undefined) return { reason: "Unschedulable", message, waitingFor: undefined };
  const has = (kind: ObstacleKind) => words.obstacles.some((obstacle) => obstacle.kind === kind);
  const none = words.nodes === 1 ? "the only node does not take it" : `none of ${words.nodes} nodes takes it`;
  const told = `${none}: ${obstacleTexts(words, port)}`;
  if (has("memory")) return { reason: "WaitingForMemory", message: told, waitingFor: "memory" };
  return { reason: "Unschedulable", message: told, waitingFor: "a Mac" };
}

/** One clause for each kind of obstacle, without a full stop: what a person who reads `kubectl describe` need not translate. */
function obstacleTexts({ obstacles }: SchedulerWords, port: number | undefined): string {
  const clauses = [...OBSTACLES, "other" as const].flatMap((kind) => {
    const same = obstacles.filter((obstacle) => obstacle.kind === kind);
    if (kind === "other") return same.map(({ nodes, words }) => `${nodesText(nodes)}: ${words}`);
    const nodes = same.reduce((sum, one) => sum + one.nodes, 0);
    return nodes === 0 ? [] : [obstacleText(kind, nodes, port)];
  });
  return clauses.join("; ");
}
