import type { Failing } from "./health.ts";

/** A llama-server as the supervisor last observed it. All times are milliseconds of the injected clock. */
export type ServerView = StartingView | ReadyView | StoppingView;

interface AnyServerView {
  /** Hash of the settings that it was started with. */
  readonly specHash: string;
  readonly startedAt: number;
  /**
   * Whether this agent has seen its workload in the source. Until then an adopted server may be missing only because the source has
   * not been read completely.
   */
  readonly confirmed: boolean;
}

export interface StartingView extends AnyServerView {
  readonly phase: "starting";
  /** The test requests that it answered with an error; undefined if there was none. */
  readonly failing?: Failing | undefined;
}

/** It has answered a test request. */
export interface ReadyView extends AnyServerView {
  readonly phase: "ready";
  readonly readyAt: number;
  /** Health checks in a row that it did not answer, and in which it did not work either. */
  readonly failedChecks: number;
  /** What its log says about a fault that only a restart ends; undefined if it says nothing. */
  readonly fault?: string | undefined;
  /** The test requests that it answered with an error since the last one that it answered well; undefined if there was none. */
  readonly failing?: Failing | undefined;
}

export interface StoppingView extends AnyServerView {
  readonly phase: "stopping";
  /** When it became ready; undefined if it never did. */
  readonly readyAt?: number;
  readonly stop: Stop;
}

/** A stop that is under way. */
export interface Stop {
  /** When SIGTERM was sent; while `saves`, when it will have been at the latest. */
  readonly at: number;
  readonly reason: string;
  readonly message: string;
  /** Whether the server has failed, so that its next start has to wait. */
  readonly failure: boolean;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly gracePeriodMs: number;
  /** Whether SIGKILL was sent. */
  readonly killed: boolean;
  /** Its conversations are saved first: SIGTERM is still to come. */
  readonly saves?: boolean;
}
