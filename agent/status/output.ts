import { spawn } from "node:child_process";
import { Socket } from "node:net";
import type { Writable } from "node:stream";

/** Lines on their way to a terminal, a pipe or a file that may take none for a while. */
export interface Output {
  /** Takes one line with its newline. Never waits and never throws; a line that does not fit is dropped and counted. */
  readonly write: (line: string) => void;
  /**
   * Waits until every line is out, but `milliseconds` at most. Lines that are not out by then still appear, if the output takes
   * lines again after this process has ended.
   */
  readonly close: (milliseconds: number) => Promise<void>;
}

export interface OutputOptions {
  /** File descriptor of this process. */
  readonly fd: number;
  /** Called once the output takes lines again, with about how many were lost; may write a line about it. */
  readonly lost: (lines: number) => void;
  /** Path of the program that copies its input to its output at once. Every system that the agent runs on has the default. */
  readonly copier?: string;
}

const COPIER = "/bin/cat";
/** What waits for a copier that is blocked; a line more is dropped. */
const MOST_BYTES = 256 * 1024;
/** After a copier that could not write, on a full disk for example. */
const RETRY_MS = 2000;
/** A copier that has lived this much longer than a line has written it. */
const SURE_MS = 1000;

interface Copier {
  readonly input: Writable;
  /** Settles when it has exited. */
  readonly ended: Promise<unknown>;
  /** Lines that may be lost if it exits now. */
  unsure: number;
  wroteAt: number;
}

/**
 * A write to a terminal that takes none, after Ctrl-S for example, blocks whoever makes it for as long as that lasts, and a process ends
 * only when all its threads do. So another process makes it (docs/decisions/output-through-a-process.md). It is started with the first
 * line.
 */
export function openOutput({ fd, lost, copier: program = COPIER }: OutputOptions): Output {
  let copier: Copier | undefined;
  let dropped = 0;
  let retryAt = Number.NEGATIVE_INFINITY;
  let over = false;
  const tellLost = () => {
    if (dropped === 0 || copier === undefined) return;
    const lines = dropped;
    dropped = 0;
    copier.unsure += lines;
    lost(lines);
  };
  const begin = () => {
    if (performance.now() < retryAt) return;
    const exited = (signal: NodeJS.Signals | null, unsure: number) => {
      copier = undefined;
      retryAt = performance.now() + RETRY_MS;
      dropped += unsure;
      // Its reader is gone, and no other can come.
      over ||= signal === "SIGPIPE";
    };
    try {
      copier = startCopier(program, fd, tellLost, exited);
    } catch {
      // Some errors of a spawn are thrown, such as too little memory; others are events.
      exited(null, 0);
    }
    tellLost();
  };
  return {
    write: (line) => {
      if (over) return;
      if (copier === undefined) begin();
      // Once a line is lost, those after it wait behind the sentence that says so.
      if (copier === undefined || dropped > 0 || copier.input.writableLength > MOST_BYTES) dropped += 1;
      else put(copier, line);
    },
    close: async (milliseconds) => {
      over = true;
      if (copier === undefined) return;
      const { input, ended } = copier;
      input.end();
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, milliseconds)));
      await Promise.race([ended, late]);
      clearTimeout(timer);
    },
  };
}

function put(copier: Copier, line: string): void {
  const now = performance.now();
  if (now - copier.wroteAt > SURE_MS) copier.unsure = 0;
  copier.unsure += 1;
  copier.wroteAt = now;
  copier.input.write(line);
}

/**
 * In a session of its own, so that Ctrl-C does not end it before the last line. Undefined if it cannot be started now; some reasons are
 * thrown instead.
 *
 * @param drained called when it has taken all that waited for it
 * @param exited gets the signal that ended it, and how many lines it may have lost
 */
function startCopier(
  program: string,
  fd: number,
  drained: () => void,
  exited: (signal: NodeJS.Signals | null, unsure: number) => void,
): Copier | undefined {
  const child = spawn(program, ["-u"], { cwd: "/", detached: true, stdio: ["pipe", fd, "ignore"] });
  // Where there is no file descriptor left, it has no input either; its error event follows.
  const input: Writable | undefined = child.stdin ?? undefined;
  const ended = Promise.withResolvers<void>();
  const copier = input && { input, ended: ended.promise, unsure: 0, wroteAt: performance.now() };
  const settle = (signal: NodeJS.Signals | null) => {
    ended.resolve();
    exited(signal, copier?.unsure ?? 0);
  };
  child.once("exit", (_code, signal) => settle(signal));
  child.once("error", () => settle(null));
  child.unref();
  if (input instanceof Socket) input.unref();
  // Its exit says all there is to say.
  input?.on("error", () => {}).on("drain", drained);
  return copier;
}
