import type { Level, ModelSubject, Peers, ServiceSubject } from "../definition.ts";
import type { Registry } from "./registry.ts";

/** Who of a guard has refused what, in the order in which the engine asks the policies. */
export interface Voices {
  /**
   * Whether a policy is to say that of a resource: one cause is told once. False where another policy of the guard has said the same
   * sentence of it at a level that is at least as strict, so that nothing is refused less.
   */
  readonly isFirstToSay: (policy: string, urn: string, text: string) => boolean;
  readonly peersOf: (policy: string) => Peers;
}

const STRICTNESS: Readonly<Record<Level, number>> = { disabled: 0, advisory: 1, mandatory: 2, remediate: 2 };

/**
 * @param levels by policy, as the options have them. The engine shows a pack no level that only the pack's configuration sets; a policy that
 * is disabled there refuses nothing here.
 */
export function createVoices(levels: ReadonlyMap<string, Level>, { hasRefused, configOf }: Registry): Voices {
  const said = new Map<string, Set<string>>();
  const isAsStrict = (policy: string, asker: string) => strictness(policy) >= strictness(asker);

  function strictness(policy: string): number {
    return STRICTNESS[levels.get(policy) ?? "disabled"];
  }

  return {
    isFirstToSay(policy, urn, text) {
      const key = JSON.stringify([urn, text.replace(/\.$/, "")]);
      const speakers = said.get(key) ?? new Set<string>();
      said.set(key, speakers);
      const others = [...speakers].filter((speaker) => speaker !== policy);
      if (others.some((speaker) => isAsStrict(speaker, policy))) return false;
      speakers.add(policy);
      return true;
    },
    peersOf: (asker) => ({
      refused: (policy: string, about: ModelSubject | ServiceSubject) =>
        isAsStrict(policy, asker) && hasRefused(policy, about.urn),
      isAsked: (policy: string) => configOf(policy) !== undefined,
    }),
  };
}
