import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** A command line as it is spawned. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * A limit that the kernel holds a process to, whether the agent lives or not: what stands behind the watchdog. It lies a little
 * above the budget, so that the watchdog, which drains and explains, comes first.
 * A `key` tells one process from others and can be the name of a file.
 */
export interface KernelLimit {
  /** For people: `cgroup v2`. */
  readonly kind: string;
  /** The command line that starts under the limit. */
  wrap(command: Command, limitBytes: number): Command;
  /** Puts a process that was just spawned under its limit. */
  enclose(key: string, pid: number, limitBytes: number): void;
  /** Moves the limit of a running process; whether that is possible. */
  move(key: string, limitBytes: number): boolean;
  /** Whether the kernel has ended a process of `key` for its limit since it was enclosed. */
  breached(key: string): boolean;
  /** Forgets `key`, whose processes have ended. */
  release(key: string): void;
  /** Removes what it made. */
  close(): void;
}

const SLACK_SHARE = 0.02;
const SLACK_BYTES = 32 * 2 ** 20;

/** Where the kernel's limit is for a budget, in bytes: 2 % above it, 32 MiB at least. */
export function kernelLimitBytes(budgetBytes: number): number {
  return Math.ceil(budgetBytes + Math.max(SLACK_BYTES, budgetBytes * SLACK_SHARE));
}

const TRIAL_NAME = "self-test";
const TRIAL_LIMIT_BYTES = 128 * 2 ** 20;
const TRIAL_TIMEOUT_MS = 30_000;
/** Takes 1 GiB in pieces, each written to, and ends by itself where nobody stops it. */
const TRIAL = "const held=[];for(let i=0;i<64;i++)held.push(Buffer.alloc(2**24,1));process.exit(0)";

/**
 * Breaches a limit on purpose, with a small process of its own: whether the kernel ends it. There are reports of systems that
 * take the limit and ignore it (docs/background/apple-memory.md, "Kernel limit").
 */
export async function isEnforced(cap: KernelLimit): Promise<boolean> {
  const { file, args } = cap.wrap({ file: process.execPath, args: ["-e", TRIAL] }, TRIAL_LIMIT_BYTES);
  const child: ChildProcess = spawn(file, args, { stdio: "ignore", timeout: TRIAL_TIMEOUT_MS, killSignal: "SIGTERM" });
  try {
    const exited = once(child, "exit");
    if (child.pid !== undefined) cap.enclose(TRIAL_NAME, child.pid, TRIAL_LIMIT_BYTES);
    await exited;
    return child.signalCode === "SIGKILL";
  } catch {
    return false;
  } finally {
    cap.release(TRIAL_NAME);
  }
}
