import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import * as z from "zod";
import { KINDS } from "../../kube/kinds.ts";
import { openKubeClient } from "../../kube/open-client.ts";
import type { Target } from "./target.ts";
import type { Look, Sight } from "./wait.ts";

const statusSchema = z.object({
  phase: z.string().optional(),
  endpoint: z.string().optional(),
  schedulingMessage: z.string().optional(),
  conditions: z
    .array(
      z.object({
        type: z.string(),
        status: z.string(),
        message: z.string().optional(),
        observedGeneration: z.int().optional(),
      }),
    )
    .nullish(),
});

/** Looks at the status of an InferenceService. Throws one sentence where the kubeconfig does not do. */
export async function clusterLook(
  { kubeconfig, context }: Extract<Target, { kind: "cluster" }>,
  ref: { readonly namespace: string; readonly name: string },
): Promise<{ readonly look: Look; readonly close: () => Promise<void> }> {
  const client = await openKubeClient({ kubeconfig: kubeconfig ?? ownKubeconfig(), context, timeoutMs: 15_000 });
  if (!client.ok) throw new Error(client.error);
  const look: Look = async (signal) => {
    const found = await client.value.get(KINDS.inferenceService, ref, { signal });
    if (!found.ok) return { is: "under-way", line: `${ref.name}: ${found.error}` };
    const { metadata, ["status"]: status } = found.value;
    return serviceSight(ref.name, metadata.generation, status);
  };
  return { look, close: () => client.value.close() };
}

/** What the status of an InferenceService says; one that was written for an older generation says nothing yet. */
export function serviceSight(name: string, generation: number | undefined, status: unknown): Sight {
  const parsed = statusSchema.safeParse(status ?? {});
  if (!parsed.success) return { is: "under-way", line: `${name}: its status cannot be read` };
  const { phase, endpoint, schedulingMessage, conditions } = parsed.data;
  const ready = conditions?.find(({ type }) => type === "Ready");
  const old = ready?.observedGeneration !== undefined && ready.observedGeneration < (generation ?? 0);
  if (phase === undefined || old) return { is: "under-way", line: `${name}: no controller has looked at it yet` };
  if (phase === "Ready") return { is: "ready", line: `${name}: Ready`, ...(endpoint !== undefined && { endpoint }) };
  const why = schedulingMessage ?? ready?.message;
  const line = `${name}: ${phase}${why === undefined ? "" : ` (${why})`}`;
  return { is: phase === "Failed" ? "failed" : "under-way", line };
}

/** That of kubectl; of several the first. */
function ownKubeconfig(): string {
  return process.env["KUBECONFIG"]?.split(delimiter)[0] || join(homedir(), ".kube", "config");
}
