import { customResourceDefinitions } from "../api/crd.ts";
import type { ManifestObject } from "./manifest-object.ts";

/** The CustomResourceDefinitions, as `crds/` has them. */
export function crds(): readonly ManifestObject[] {
  return [...customResourceDefinitions().values()].map((crd) => JSON.parse(JSON.stringify(crd)));
}
