import { GROUP_VERSION, KINDS, type Kind } from "../api/constants.ts";

/** The kind of this API that a resource is of, by the token that the engine gives custom resources; undefined: another one. */
export function kindOf(type: string): Kind | undefined {
  return KINDS.find((kind) => type === `kubernetes:${GROUP_VERSION}:${kind}`);
}
