import type { MacPaths } from "../../agent/host/darwin/mac-paths.ts";

/** What a look has found. */
export interface Finding {
  /** `failed`: the agent cannot start, or cannot keep models within their budgets. */
  readonly state: "ok" | "warning" | "failed" | "skipped";
  readonly found: string;
  /** What to do about it. */
  readonly remedy?: string;
}

export interface Check extends Finding {
  readonly name: string;
}

export interface Subject {
  readonly llamaServer: string;
  readonly models: string;
  /** Folder of the agents' state folders. */
  readonly state: string;
  /** Folder in which all agents of this machine say what they hold. */
  readonly claims: string;
  /** A model to ask llama-server about; undefined for the smallest one in `models`. */
  readonly model?: string;
  readonly system: NodeJS.Platform;
  readonly architecture: NodeJS.Architecture;
  readonly home: string;
  /** Where the commands of macOS are. */
  readonly mac: MacPaths;
}

/** @param stop ends what would go on without it */
export type Look = (subject: Subject, stop: AbortSignal) => Promise<Finding>;

export function skipped(found: string): Finding {
  return { state: "skipped", found };
}

/** A look at what only a Mac has. */
export function onMac(look: Look): Look {
  return async (subject, stop) => (subject.system === "darwin" ? look(subject, stop) : skipped("not a Mac"));
}
