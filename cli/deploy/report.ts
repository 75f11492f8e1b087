import type { CarriedOut } from "./carry-out.ts";
import type { Change, Finding } from "./changes.ts";
import { type Target, targetText } from "./target.ts";

/** What `--json` prints. */
export interface Report {
  readonly name: string;
  readonly target: string;
  readonly stack: string;
  readonly status: CarriedOut["status"] | "not-ready";
  readonly changes: readonly Change[];
  readonly policies: readonly Finding[];
  /** Sentences about what went wrong; empty where all is well. */
  readonly problems: readonly string[];
  /** Base URL of the OpenAI-compatible API. */
  readonly endpoint?: string;
}

export function reportOf(name: string, target: Target, stack: string, done: CarriedOut): Report {
  const { status, changes, findings, problems } = done;
  return { name, target: targetText(target), stack, status, changes, policies: findings, problems };
}
