import * as z from "zod";
import { DEPLOYMENT_ANNOTATIONS } from "../../api/fleet.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { KnownEstimate } from "../../memory/estimate/types.ts";

const bytes = z.int().min(0);

const keptSchema = z.object({
  architecture: z.string(),
  fileBytes: bytes,
  weightsBytes: bytes,
  notes: z.array(z.string()),
  confidence: z.enum(["exact", "bounded"]),
  contextBytes: z.object({ kv: bytes, recurrent: bytes }),
  computeBytes: z.object({ device: bytes, host: bytes }),
  outputBytes: bytes,
  parts: z.record(z.string(), bytes),
  totalBytes: z.int().min(1),
});

/** Annotations of a Deployment by which {@link keptEstimate} finds the estimate again. */
export function estimateAnnotations(settings: string, estimate: KnownEstimate): Readonly<Record<string, string>> {
  return {
    [DEPLOYMENT_ANNOTATIONS.settings]: settings,
    [DEPLOYMENT_ANNOTATIONS.estimate]: JSON.stringify(estimate),
  };
}

/**
 * The estimate that a Deployment was made with, so that no header need be read; undefined where it is of other settings, or somebody
 * changed it into nonsense.
 */
export function keptEstimate(deployment: KubeObject, settings: string): KnownEstimate | undefined {
  const { annotations = {} } = deployment.metadata;
  if (annotations[DEPLOYMENT_ANNOTATIONS.settings] !== settings) return undefined;
  try {
    return keptSchema.safeParse(JSON.parse(annotations[DEPLOYMENT_ANNOTATIONS.estimate] ?? "")).data;
  } catch {
    return undefined;
  }
}
