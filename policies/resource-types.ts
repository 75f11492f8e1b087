import { GROUP_VERSION, KINDS, type Kind } from "../api/constants.ts";

/** The kind of a resource of this API, from the type token of the engine; undefined for any other resource. */
export function kindOf(type: string): Kind | undefined {
  return KINDS.find((kind) => type === `kubernetes:${GROUP_VERSION}:${kind}`);
}

/** The end of the URN of a provider that no program names: `default`, or `default_4_24_0` where a version of the package is asked for. */
const DEFAULT_PROVIDER = /::pulumi:providers:kubernetes::default(?:_\d\w*)?$/;

/**
 * Which cluster or folder a provider stands for; empty where none is named. Default providers of two versions of the package have one
 * configuration, that of the stack, so they are one.
 */
export function providerKey(urn: string | undefined): string {
  return (urn ?? "").replace(DEFAULT_PROVIDER, "::pulumi:providers:kubernetes::default");
}
