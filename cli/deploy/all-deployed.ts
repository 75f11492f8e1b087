import type { Engine } from "./engine.ts";
import { stackNames, stateOf } from "./engine.ts";
import type { Deployed } from "./stack-state.ts";
import type { Target } from "./target.ts";

/** A deployment, and where it is. */
export interface Found {
  readonly stack: string;
  readonly target: Target;
  readonly deployed: Deployed;
}

export interface AllDeployed {
  readonly found: readonly Found[];
  /** Why stacks could not be read. */
  readonly problems: readonly string[];
}

/** The deployments of all stacks. */
export async function allDeployed(engine: Engine): Promise<AllDeployed> {
  const names = await stackNames(engine);
  if (!names.ok) return { found: [], problems: [names.error] };
  const found: Found[] = [];
  const problems: string[] = [];
  // One after the other: to select a stack writes a file of the folder that all of them share.
  for (const stack of names.value) {
    const state = await stateOf(engine, stack);
    if (!state.ok) problems.push(state.error);
    else {
      const { target, deployments } = state.value;
      if (target !== undefined) found.push(...deployments.map((deployed) => ({ stack, target, deployed })));
    }
  }
  return { found, problems };
}
