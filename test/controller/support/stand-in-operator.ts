import { setTimeout as sleep } from "node:timers/promises";
import { isFields } from "../../../api/document.ts";
import type { KubeObject } from "../../../kube/client.ts";
import { KINDS } from "../../../kube/kinds.ts";
import { openKubeClient } from "../../../kube/open-client.ts";
import type { Cluster } from "../../support/cluster/cluster.ts";

/** Writes the status of InferenceServices as LLMKube's operator does for a metal service: it stands in for it, and for nothing else of it. */
export interface StandInOperator {
  /** Updates so far. */
  readonly writes: () => number;
  readonly stop: () => Promise<void>;
}

/** On each change of a service it sets phase, readyReplicas and endpoint by a plain update of the whole status. */
export async function startStandInOperator(cluster: Cluster): Promise<StandInOperator> {
  const opened = await openKubeClient({ kubeconfig: cluster.kubeconfigPath, userAgent: "manager" });
  if (!opened.ok) throw new Error(opened.error);
  const client = opened.value;
  const end = new AbortController();
  let writes = 0;

  async function reconcile(object: KubeObject): Promise<void> {
    const status = isFields(object["status"]) ? object["status"] : {};
    const wanted = { phase: "Creating", readyReplicas: 0, endpoint: "http://operator.example" };
    if (Object.entries(wanted).every(([field, value]) => status[field] === value)) return;
    const now = `${new Date().toISOString().slice(0, 19)}Z`;
    const updated = { ...object, status: { ...status, ...wanted, lastUpdated: now } };
    const replaced = await client.replace(KINDS.inferenceService, updated, { subresource: "status" });
    if (replaced.ok) writes += 1;
  }

  const watching = async () => {
    while (!end.signal.aborted) {
      const events: Promise<void>[] = [];
      const selection = {
        namespace: "default",
        fieldSelector: "metadata.name=shared",
        timeoutSeconds: 300,
        silenceMs: 400_000,
      };
      const onEvent = (event: { readonly type: string; readonly object?: KubeObject }) => {
        if (event.object !== undefined && event.type !== "DELETED") events.push(reconcile(event.object));
      };
      await client.watch(KINDS.inferenceService, selection, (event) => onEvent(event as never), end.signal);
      await Promise.allSettled(events);
      await sleep(100);
    }
  };
  const running = watching();
  return {
    writes: () => writes,
    stop: async () => {
      end.abort();
      await running;
      await client.close();
    },
  };
}
