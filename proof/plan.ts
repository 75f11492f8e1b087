import type { Machine } from "./machine.ts";
import type { Place } from "./place.ts";
import type { Need, Step } from "./step.ts";

/** What decides where a step can run. */
export interface Surroundings {
  readonly system: NodeJS.Platform;
  readonly place: Place;
  /** Whether llama-server lists a device of Metal. */
  readonly gpu: boolean;
  /** Whether root's rights are to be had without a password. */
  readonly root: boolean;
}

export function surroundingsOf({ system, place, gpu, root }: Machine): Surroundings {
  return { system, place, gpu: gpu !== null, root };
}

interface Requirement {
  readonly met: (surroundings: Surroundings) => boolean;
  readonly why: string;
}

const REQUIREMENTS: Readonly<Record<Need, Requirement>> = {
  darwin: { met: ({ system }) => system === "darwin", why: "it needs macOS" },
  gpu: { met: ({ gpu }) => gpu, why: "it needs a GPU that llama-server lists (MTL0)" },
  selfHosted: {
    met: ({ place }) => place === "self-hosted",
    why: "it disturbs the whole machine: a self-hosted runner does it, or --self-hosted allows it",
  },
  root: { met: ({ root }) => root, why: "it needs root without a password (sudo -n)" },
  changes: {
    met: ({ place }) => place !== "own",
    why: "it changes the machine (launchd, Homebrew, pressure): a runner of CI does it, or --self-hosted allows it",
  },
};

/** Why a step cannot run here: a sentence each; none where it can. */
export function obstacles({ needs }: Pick<Step, "needs">, surroundings: Surroundings): readonly string[] {
  return needs.map((need) => REQUIREMENTS[need]).flatMap(({ met, why }) => (met(surroundings) ? [] : [why]));
}

/** Whether the proof fails here where the step does. */
export function isBlocking({ blocks }: Pick<Step, "blocks">, { place }: Pick<Surroundings, "place">): boolean {
  return blocks === "always" || (blocks === "off-hosted" && place !== "hosted");
}
