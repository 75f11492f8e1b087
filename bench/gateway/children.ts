import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A process that this bench started. */
export interface Child {
  readonly pid: number;
  /** The last that it printed, for a message about it. */
  readonly output: () => string;
  readonly hasEnded: () => boolean;
  /** Ends it, and waits for that. A second call waits for the same end. */
  readonly stop: () => Promise<void>;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** How it is asked to end: SIGINT for what ends its own children first. It is killed when it takes longer than `patienceMs`. */
  readonly signal: "SIGINT" | "SIGTERM" | "SIGKILL";
  readonly patienceMs: number;
}

const KEPT_OUTPUT = 8192;
const INTERRUPTED = 130;

const running = new Set<Child>();
let interrupted = false;

/** Starts a process in a group of its own, so that Ctrl-C in a terminal reaches this bench alone, which then ends them in order. */
export function start({ file, args, signal, patienceMs }: Command): Child {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  let output = "";
  const keep = (chunk: Buffer) => (output = (output + String(chunk)).slice(-KEPT_OUTPUT));
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = endOf(child);
  const stop = async () => {
    if (hasEnded(child)) return ended;
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
    await ended;
    clearTimeout(timer);
  };
  const made: Child = { pid: child.pid ?? 0, output: () => output, hasEnded: () => hasEnded(child), stop };
  running.add(made);
  ended.finally(() => running.delete(made)).catch(() => {});
  return made;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

async function endOf(child: ChildProcess): Promise<void> {
  // A file that cannot be run gives an error instead of an exit.
  await once(child, "exit").catch(() => {});
}

/** At Ctrl-C, SIGTERM or SIGHUP every child is ended, then this process with code 130. */
export function endChildrenAtSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (interrupted) return;
      interrupted = true;
      console.error("… ending all servers");
      endChildren()
        .finally(() => process.exit(INTERRUPTED))
        .catch(() => {});
    });
  }
}

export async function endChildren(): Promise<void> {
  await Promise.allSettled([...running].map((child) => child.stop()));
}

/** Whether a signal ends this bench: what fails from then on fails because of it. */
export function isInterrupted(): boolean {
  return interrupted;
}
