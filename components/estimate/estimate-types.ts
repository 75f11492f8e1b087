/** The memory that a model needs, estimated from the header of its weights. */
export interface EstimatedMemory {
  /** All parts together, in bytes. */
  totalBytes: number;
  /** The parts in bytes, by name: weights, kv, computeDevice and others. */
  parts: Record<string, number>;
  /** How reliable the total is: exact, or bounded if it is an upper bound; notes says why. */
  confidence: string;
  /** Sentences for a person, for example why the total is an upper bound. */
  notes: string[];
}

/** The specs of a model and of its service, as they reach Kubernetes, and what is known of its Mac. */
export interface EstimateInput {
  readonly model: unknown;
  /** Undefined where nothing serves the model: the defaults count then. */
  readonly service: unknown;
  /** Of the service. */
  readonly annotations?: unknown;
  readonly hostMemory: string | undefined;
}

export interface Estimated {
  readonly estimatedMemory: EstimatedMemory;
  /** Undefined where the budget is a share of a memory that is not known. */
  readonly fits: boolean | undefined;
  /** Sentences about headers of an earlier day, which their sources could not confirm. */
  readonly unconfirmed?: readonly string[];
}
