import { parse } from "yaml";
import { crdFiles } from "../api/crd.ts";
import type { ManifestObject } from "./manifest-object.ts";

/** The CustomResourceDefinitions, as `crds/` has them. */
export function crds(): readonly ManifestObject[] {
  return [...crdFiles().values()].map((text) => parse(text));
}
