import type { Mode } from "../../memory/estimate/types.ts";
import type { State } from "../status/status.ts";
import type { WorkloadId } from "../workload/workload-id.ts";

/** One wanted model, as clients of the gateway see it. */
export interface GatewayModel {
  readonly id: WorkloadId;
  /** `namespace/name` of its InferenceService. */
  readonly name: string;
  /** Further names that clients may use; unique among all models of this Mac, or shared by replicas of one. */
  readonly aliases: readonly string[];
  readonly mode: Mode;
  readonly state: State;
  /** Why it is in that state, as a sentence. */
  readonly message: string | undefined;
  /** Tokens of all slots together, as in `spec.contextSize`. */
  readonly contextSize: number;
  /** What it needs, in bytes; undefined while its header has not been read. */
  readonly estimateBytes: number | undefined;
  /** What it holds, in bytes; undefined while it does not run, or is not measured. */
  readonly measuredBytes: number | undefined;
}

/** Where a request for a model goes now. */
export type Route =
  /** To its server. `apiKey` is sent as bearer token in place of the client's. */
  | { readonly kind: "ready"; readonly host: string; readonly port: number; readonly apiKey: string | undefined }
  /** It waits: the model loads, or others make room for it. `expectedMs`: how long that takes, as measured before, or guessed. */
  | { readonly kind: "waits"; readonly message: string; readonly expectedMs: number }
  /**
   * It is answered at once, since waiting does not help. `never`: not before somebody changes the manifests (needs more than it is allowed, a
   * fault of its file); `retryAfterMs` says when another try makes sense.
   */
  | {
      readonly kind: "refused";
      readonly why: "never" | "later";
      readonly message: string;
      readonly retryAfterMs?: number;
    };

/** A request's hold on a model. It counts in the model's demand until it is released: nothing unloads what is held. */
export interface Hold {
  /** Ends it. Every later call does nothing. */
  readonly release: () => void;
}

/** What the gateway knows of the agent, and tells it. All calls are synchronous. */
export interface Models {
  /** All wanted models, by name; undefined while the manifests have not been read. */
  readonly list: () => readonly GatewayModel[] | undefined;
  readonly routeOf: (id: WorkloadId) => Route;
  /** A request waits for the model: this is what wakes it. */
  readonly wait: (id: WorkloadId) => Hold;
  /** A request goes to its server. To be called in the same turn of the event loop in which `routeOf` said `ready`. */
  readonly use: (id: WorkloadId) => Hold;
  /** What its server has read from now on is not to be saved. To be called while the request holds the model. */
  readonly keepPrivate: (id: WorkloadId) => void;
  /** Calls `listener` whenever a route may have changed, until the answer is called. */
  readonly subscribe: (listener: () => void) => () => void;
}
