import { GROUP_VERSION, KINDS, type Kind } from "../api/constants.ts";

/** The kind of a resource of this API, from the type token of the engine; undefined for any other resource. */
export function kindOf(type: string): Kind | undefined {
  return KINDS.find((kind) => type === `kubernetes:${GROUP_VERSION}:${kind}`);
}
