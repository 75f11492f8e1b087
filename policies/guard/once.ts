import type { Level } from "../definition.ts";
import type { Registry } from "./registry.ts";

interface Said {
  readonly policy: string;
  readonly level: Level;
  readonly urn: string;
  readonly text: string;
}

const speakers = new WeakMap<Registry, Map<string, string>>();

/**
 * Whether a policy is to say that of a resource: one cause is told once. False where another policy of the guard has said the same sentence
 * of it, at the same level, so that nothing is refused less.
 */
export function isFirstToSay(registry: Registry, { policy, level, urn, text }: Said): boolean {
  const said = speakers.get(registry) ?? new Map<string, string>();
  speakers.set(registry, said);
  const key = JSON.stringify([level, urn, text.replace(/\.$/, "")]);
  const speaker = said.get(key) ?? policy;
  said.set(key, speaker);
  return speaker === policy;
}
