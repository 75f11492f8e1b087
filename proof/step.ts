import type { MacTools } from "./mac-tools.ts";
import type { Machine } from "./machine.ts";

/**
 * What a step cannot do without. `changes`: a machine that may be changed (launchd, Homebrew, memory pressure), as one of CI may be.
 * `selfHosted`: one that may be disturbed as a whole (sleep, time zone).
 */
export const NEEDS = ["darwin", "gpu", "root", "changes", "selfHosted"] as const;
export type Need = (typeof NEEDS)[number];

/** One thing that a step looked at. */
export interface Finding {
  /** What should be so. */
  readonly what: string;
  readonly held: boolean;
  /** What was there. */
  readonly saw: string;
}

/** What a step is given. */
export interface Scene {
  readonly machine: Machine;
  /** Where the commands of macOS are. */
  readonly mac: MacTools;
  /** A folder of its own, which is removed when the step has ended. */
  readonly folder: string;
  /** Path of a real llama-server: the one on PATH, or the one that the toolchain builds. */
  readonly llamaServer: () => Promise<string>;
  /** Path of the weights of Gemma 3 270M. */
  readonly weights: () => Promise<string>;
  /** Keeps a text as an artefact, byte for byte, so that a parser's test can read it. `command`: what printed it. */
  readonly keep: (name: string, text: string, command?: readonly string[]) => void;
  readonly say: (line: string) => void;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Runs when the step has ended, however it ended; the last one first. */
  readonly undoLater: (undo: () => unknown) => void;
}

/** One step of the proof. */
export interface Step {
  /** As `--only` takes it, and the name of its folder of artefacts. */
  readonly name: string;
  /** One sentence. */
  readonly asserts: string;
  readonly needs: readonly Need[];
  /**
   * Whether the whole proof fails with it. `off-hosted`: not on a hosted runner, whose GPU is paravirtual (docs/mac.md, "Hosted
   * runners"). `never`: what it sees is only recorded.
   */
  readonly blocks: "always" | "off-hosted" | "never";
  /** Throws only where it cannot go on: that is a finding too. */
  readonly run: (scene: Scene) => Promise<readonly Finding[]>;
}

/** The same scene for what is undone, which Ctrl-C does not cut short. */
export function undoing(scene: Scene): Scene {
  return { ...scene, signal: new AbortController().signal };
}

/** A finding about a value that was read: it holds unless the value is null or undefined. */
export function readable(what: string, value: unknown): Finding {
  const held = value !== null && value !== undefined;
  return { what, held, saw: held ? shown(value) : "it could not be read" };
}

const SHOWN = 200;

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
