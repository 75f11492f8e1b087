import type { DemandBook } from "../gateway/demand.ts";
import type { GatewayModel, Models, Route } from "../gateway/models.ts";
import type { Serving } from "../supervisor/serving.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import { routeOf } from "./route-of.ts";

/** The models of the agent, as the gateway asks for them. */
export interface AgentModels extends Models {
  /** To be called after each tick: routes may have changed. */
  readonly ticked: () => void;
}

/**
 * @param serving the workloads that should run, as of this moment
 * @param isRead whether the manifests have been read
 */
export function agentModels(
  serving: () => readonly Serving[],
  isRead: () => boolean,
  book: Pick<DemandBook, "wait" | "use" | "keepPrivate" | "keepOnly">,
): AgentModels {
  const listeners = new Set<() => void>();
  const find = (id: WorkloadId) => serving().find(({ workload }) => workload.id === id);
  return {
    list: () => (isRead() ? serving().map(modelOf) : undefined),
    routeOf: (id): Route => routeOf(find(id)),
    wait: book.wait,
    use: book.use,
    keepPrivate: book.keepPrivate,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ticked: () => {
      book.keepOnly(new Set(serving().map(({ workload }) => workload.id)));
      for (const listener of listeners) listener();
    },
  };
}

function modelOf({ workload, decision, estimateBytes, measuredBytes }: Serving): GatewayModel {
  const { id, name, fields, onDemand } = workload;
  const { mode, settings } = fields;
  const { state, message } = decision;
  const { aliases } = onDemand;
  return { id, name, aliases, mode, state, message, contextSize: settings.contextSize, estimateBytes, measuredBytes };
}
