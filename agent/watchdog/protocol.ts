import type { Holding, Sighting, Watched } from "../decisions/watch.ts";

/** From the agent's main part to the watchdog. */
export type ToWatchdog =
  /** What it holds from now on. */
  | { readonly kind: "hold"; readonly holding: Held }
  /** The main part is alive; once a tick. */
  | { readonly kind: "beat" }
  /** It reports at once, and names this number in each report from then on. */
  | { readonly kind: "ask"; readonly question: number };

/** From the watchdog to the main part. */
export type FromWatchdog =
  | Report
  /** A sentence for the agent's log. */
  | { readonly kind: "say"; readonly message: string };

/** After each round. */
export interface Report {
  readonly kind: "report";
  /** The watchdog's clock, in milliseconds. All times in the sightings are of that clock. */
  readonly now: number;
  /** The last question that it had heard; 0 before the first. */
  readonly answers: number;
  readonly sightings: readonly (readonly [key: string, sighting: Sighting])[];
}

/** What the watchdog holds, with what it needs to find the processes again and to name them. */
export interface Held extends Holding {
  readonly processes: readonly HeldProcess[];
}

/** Its log is kept small here, too: this process goes on when the main part cannot. */
export interface HeldProcess extends Watched {
  readonly id: string;
  /** `namespace/name`, for people. */
  readonly name: string;
  /** Start time in the platform's notation; undefined until it is known. */
  readonly startTime?: string | undefined;
  /** The file that its output goes to, which is kept within bounds. */
  readonly logPath: string;
}

/** Names the watchdog's process for people who look at the process table. The pid of the main part and the state folder follow. */
export const ARGUMENT = "--watchdog-of";
