import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Finding } from "./step.ts";

/** The folder in which one step keeps what it recorded. */
export interface Artefacts {
  readonly keep: (name: string, text: string, command?: readonly string[]) => void;
  /** Writes `recording.json`: on what machine, when, by which commands, and what came of it. */
  readonly close: (findings: readonly Finding[]) => void;
  /** Relative to the output folder, in the order in which they were kept. */
  readonly files: () => readonly string[];
}

const FILE_NAME = /^[\w.-]+$/;

/** The folder is made with the first file. A text that is kept under a name twice is the later one. */
export function artefactsOf(output: string, step: string, machine: Machine, now: () => Date): Artefacts {
  const commands = new Map<string, readonly string[]>();
  const names = new Set<string>();
  const write = (name: string, text: string) => {
    if (!FILE_NAME.test(name)) throw new Error(`${name} is no name for an artefact`);
    mkdirSync(join(output, step), { recursive: true });
    writeFileSync(join(output, step, name), text);
    names.add(name);
  };
  return {
    keep: (name, text, command) => {
      write(name, text);
      if (command !== undefined) commands.set(name, command);
    },
    close: (findings) => {
      const { chip, system, systemVersion, llamaCpp, played } = machine;
      const on = { chip, system, systemVersion, llamaCpp, ...(played && { played }), date: now().toISOString() };
      const recording = { step, ...on, commands: Object.fromEntries(commands), findings };
      write("recording.json", `${JSON.stringify(recording, null, 2)}\n`);
    },
    files: () => [...names].map((name) => `${step}/${name}`),
  };
}
