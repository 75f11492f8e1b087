import type { Backend } from "../../memory/estimate/types.ts";
import type { PressureLevel } from "../decisions/pressure.ts";

/** What the agent must know of a machine. A probe that fails says null, never 0: nothing is decided on a guess. */
export interface Platform {
  readonly backend: Backend;
  /** Physical memory, in bytes. */
  readonly hostMemoryBytes: number;
  /** Metal's recommended working set in bytes, as llama-server reports it. */
  readonly workingSetBytes?: number;
  /** Identifies this boot: pids and start times of another one mean nothing. */
  readonly bootId: string;
  /** Memory that the system could give without taking it from a process, in bytes: for a person to see, no decision's input. */
  availableBytes(): Promise<number | null>;
  /**
   * Memory that a process is charged for, in bytes (docs/background/apple-memory.md, "Footprint" and "Linux as a
   * stand-in").
   */
  footprintBytes(pid: number): Promise<number | null>;
  /** Processor time that a process has used since it was started, in seconds. */
  cpuSeconds(pid: number): Promise<number | null>;
  /** How short of memory the machine is, as its kernel says. */
  pressure(): Promise<PressureLevel | null>;
  /** When a process was started, in the platform's own notation; with the pid it identifies the process. */
  startTime(pid: number): Promise<string | null>;
  /**
   * Pids of the processes whose standard output is the file at `path`. That is the marker of a server of ours: the log
   * lies in the agent's own folder and is given to nobody else.
   */
  writersOf(path: string): Promise<readonly number[]>;
  /** Who listens on a TCP port, as `name (pid 42)`; null where that cannot be seen, as of another user's process. */
  listenerOn(port: number): Promise<string | null>;
}
