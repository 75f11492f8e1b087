import type { Demands } from "./demands.ts";

/** An InferenceService as placement sees it. */
export interface Workload {
  /** `namespace/name`. */
  readonly name: string;
  /** Whole bytes that one replica requests. */
  readonly needBytes: number;
  /** Each replica takes this port of its Mac, so that no Mac has two replicas. */
  readonly port: number;
  /** Of its pods: a higher one goes first, and displaces lower ones. */
  readonly priority: number;
  readonly demands: Demands;
  /** `weights.llmkube.dev/<key>`: a Mac with this label has the weights, and is preferred. */
  readonly weightsLabel?: string | undefined;
  /**
   * It has demands that are not looked at here (rules about other pods, or spreading that must hold): nothing is promised of it, and
   * where one such runs already, of nobody.
   */
  readonly hasOtherRules: boolean;
  /** Behind a gateway: it leaves memory for others of its Mac, and needs none while it sleeps. */
  readonly takesTurns?: boolean | undefined;
}

/** A replica that is bound to a Mac already, of one of ours or of anybody else. */
export interface Bound {
  /** Of the pod, for messages: `namespace/name`. */
  readonly pod: string;
  /** Of the workload it is a replica of; undefined: it is nobody's that is known here. */
  readonly workload?: string | undefined;
  readonly host: string;
  readonly needBytes: number;
  readonly ports: readonly number[];
  readonly priority: number;
  /** Where it may go when it has to yield; undefined: anywhere. */
  readonly demands?: Demands | undefined;
  readonly hasOtherRules?: boolean | undefined;
}

/** Replicas of a workload that are not bound yet. */
export interface Waiting {
  readonly workload: Workload;
  /** At least 1. */
  readonly replicas: number;
  /** Whether a person chose the port of the workload, so that a sentence may name it. */
  readonly isPortChosen?: boolean | undefined;
}
