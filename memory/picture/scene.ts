import type { Host } from "../placement/host.ts";
import type { Bound, Waiting } from "../placement/workload.ts";

/** One sentence about a model, by its name. */
export interface Told {
  readonly name: string;
  readonly why: string;
}

/** A fleet and what is to change in it. */
export interface Scene {
  readonly hosts: readonly Host[];
  /** What is on the hosts now, of these services or of anybody else. */
  readonly running: readonly Bound[];
  /** The services before the change; undefined: not known. Then what runs is what was before. */
  readonly before?: readonly Waiting[] | undefined;
  /** The services after the change. Each has a name of its own. */
  readonly after: readonly Waiting[];
  /** Services that may not run, whatever room there is. */
  readonly refused: readonly Told[];
  /** Services whose need is not known. They count nothing. */
  readonly unknown: readonly Told[];
  /** Services of which only a part of the need is known; that part counts. */
  readonly partly?: readonly Told[] | undefined;
}
