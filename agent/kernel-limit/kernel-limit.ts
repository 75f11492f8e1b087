/** A command line as it is spawned. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * A memory limit that the kernel enforces even while the agent is dead. It is a little above the budget, so that the watchdog, which
 * drains the server and reports the reason, acts first. `key` identifies a process and is a valid file name.
 */
export interface KernelLimit {
  /** For messages: `cgroup v2`. */
  readonly kind: string;
  /** The command line that starts the same process under the limit. */
  wrap(command: Command, limitBytes: number): Command;
  /** Puts a process that was just spawned under its limit. */
  enclose(key: string, pid: number, limitBytes: number): void;
  /** Changes the limit of a running process. Returns whether that worked. */
  move(key: string, limitBytes: number): boolean;
  /** Whether the kernel has killed a process of `key` at its limit since {@link enclose}. Undefined if the kernel keeps no record of that. */
  breached(key: string): boolean | undefined;
  /** Removes the limit of `key`, whose processes have exited. */
  release(key: string): void;
  /** Removes everything that it created. */
  close(): void;
}

const SLACK_SHARE = 0.02;
const SLACK_BYTES = 32 * 2 ** 20;

/** The kernel's limit for a budget, in bytes: 2 % above it, and at least 32 MiB above it. */
export function kernelLimitBytes(budgetBytes: number): number {
  return Math.ceil(budgetBytes + Math.max(SLACK_BYTES, budgetBytes * SLACK_SHARE));
}
