import * as z from "zod";
import { GROUP, VERSION } from "../../api/constants.ts";
import type { KubeClient } from "../../kube/client.ts";
import { resource } from "../../kube/kinds.ts";

const CRD = resource("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", "cluster");

const schema = z.object({
  spec: z.object({
    versions: z.array(
      z.object({
        name: z.string(),
        subresources: z.object({ scale: z.object({ labelSelectorPath: z.string().optional() }).optional() }).optional(),
      }),
    ),
  }),
});

/**
 * Whether InferenceServices have a `status.selector`, as the installed CRD says: ours does, LLMKube's own does not, and an apply of a field
 * that it lacks is refused. Where the CRD cannot be read it has none.
 */
export async function hasSelectorField(client: KubeClient, signal: AbortSignal): Promise<boolean> {
  const crd = await client.get(CRD, { name: `inferenceservices.${GROUP}` }, { signal });
  const parsed = schema.safeParse(crd.ok ? crd.value : undefined);
  const version = parsed.data?.spec.versions.find(({ name }) => name === VERSION);
  return version?.subresources?.scale?.labelSelectorPath === ".status.selector";
}
