import type { Backend } from "../../memory/estimate/types.ts";

/** Memory pressure of the whole machine: levels 1, 2 and 4 of macOS (docs/background/apple-memory.md, "Memory pressure"). */
export type PressureLevel = "normal" | "warning" | "critical";

/** What the agent needs to know about a machine. A probe that fails returns null, never 0, so that no decision rests on a guess. */
export interface Platform {
  readonly backend: Backend;
  /** Physical memory, in bytes. */
  readonly hostMemoryBytes: number;
  /** Identifies this boot. Pids and start times of another boot mean nothing. */
  readonly bootId: string;
  /** Memory in bytes that the system could provide without taking it from a process. For display only; no decision uses it. */
  availableBytes(): Promise<number | null>;
  /**
   * Processor time in seconds that the processes of a group have used since their start, by the pid of the leader; null if it cannot be
   * read. A wrapper script does nothing while the server that it started works.
   */
  cpuSeconds(pid: number): Promise<number | null>;
  /** Memory pressure of the machine, as its kernel reports it. */
  pressure(): Promise<PressureLevel | null>;
  /**
   * Start time of a process, in the platform's own notation; with the pid it identifies the process. Two of them are compared by
   * `sameStart` alone. null: there is certainly no such process. undefined: it cannot be read now, which proves nothing.
   */
  startTime(pid: number): Promise<string | null | undefined>;
  /**
   * Pids of the processes whose standard output is the file at `path`. That marks our servers: the log is in the agent's own folder,
   * and no other process gets it. Undefined: they cannot be read now, which proves nothing.
   */
  writersOf(path: string): Promise<readonly number[] | undefined>;
  /** The process that listens on a TCP port, as `name (pid 42)`; null if it is not visible, such as that of another user. */
  listenerOn(port: number): Promise<string | null>;
}
