import type { KubeClient } from "../../kube/client.ts";
import type { KubeAccess } from "../../kube/open-client.ts";
import type { Platform } from "../host/platform.ts";
import type { WeightsOnDisk } from "./weights.ts";

/** What `openNode` (node.ts) needs of the agent. Functions are asked again and again: they must be cheap. */
export interface NodeOptions {
  /** The identity of this Mac. The Lease and the renewal of the token get connections of their own from it. */
  readonly access: KubeAccess;
  /** For the Node itself: shared with what else asks the API server. */
  readonly client: KubeClient;
  /** Path of the kubeconfig. */
  readonly kubeconfig: string;
  /** Name of the Node, as `nodeName` (name.ts) gives it. */
  readonly name: string;
  /** The state folder. The caller holds its lock. */
  readonly stateDirectory: string;
  /** Folder of the models. */
  readonly modelsFolder: string;
  readonly platform: Pick<Platform, "backend" | "bootId">;
  /** What the agent counts on, in bytes. */
  readonly memoryBytes: number;
  /** What all models together may use, in bytes. */
  readonly allocatableBytes: number;
  /** Recommended working set of Metal, in bytes. */
  readonly workingSetBytes?: number | undefined;
  /** `--node-ip`; not the Node's own address on a stand-in. */
  readonly nodeIp?: string | undefined;
  /** Whether this machine only stands in for a Mac. */
  readonly standIn: boolean;
  /** Where the agent answers for logs and metrics; undefined: it does not, or not yet. */
  readonly kubeletPort: () => number | undefined;
  /** Build of llama-server; undefined where it cannot be told. */
  readonly serverBuild: () => string | undefined;
  /** The weights of all workloads that are on the disk now. */
  readonly weightsOnDisk: () => readonly WeightsOnDisk[];
  /** Why this agent cannot be relied on (its loop stands still, its watchdog is in trouble), as a sentence; undefined while all is well. */
  readonly healthy: () => string | undefined;
  /** Aborted when a person tells the agent to end with its servers. An agent that leaves its servers aborts it not. */
  readonly stop: AbortSignal;
  /** A renewal of the Lease got no answer: connections of other clients than {@link client} may be closed, too. */
  readonly unanswered?: () => void;
  /** Another agent that lives has the name. Gets one sentence: the agent should end, and leave its servers running. */
  readonly taken: (sentence: string) => void;
  /** The name of the Node became this agent's, or is so no more. */
  readonly chargeChanged?: () => void;
  /** Gets one sentence for the log. */
  readonly say: (message: string) => void;
  /** Milliseconds that never go back. */
  readonly clock?: () => number;
  /** Milliseconds since 1970. */
  readonly wall?: () => number;
}
