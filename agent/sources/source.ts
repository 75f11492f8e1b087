import type { ModelSource } from "../store/files.ts";
import type { Desired } from "../workload/desired.ts";
import type { WorkloadId } from "../workload/workload-id.ts";

/** What a source wants to run here, as far as it knows. */
export interface WantedWork {
  readonly workloads: ReadonlyMap<WorkloadId, Desired>;
  /**
   * Whether that is all: everything that the source holds has been seen, and could be told apart. While it is false, a workload that
   * is missing from `workloads` may be wanted all the same. It says nothing about `problems`: a manifest with a fault in a field is a
   * problem, and yet it is known which workload it is about.
   */
  readonly synced: boolean;
  /** What a person should mend: one sentence each, naming the file or object. */
  readonly problems: readonly string[];
  /** What a person may want to know: one sentence each. */
  readonly notes: readonly string[];
  /** Every model that is named, whether a workload serves it now or not; undefined while that is not known. */
  readonly models: readonly ModelSource[] | undefined;
}

/**
 * Where work comes from: a directory of manifests, the pods bound to this node. When it is opened, a source is given what to call whenever
 * `current` would answer differently, so that the loop wakes, and a way to ask which workloads run, for what depends on that.
 */
export interface WorkSource {
  /** What is wanted now; answers at once, from what was read last. */
  current(): WantedWork;
  close(): Promise<void>;
}
