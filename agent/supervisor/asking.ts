import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Exit, exitReason } from "../llama-server/exit-reason.ts";
import { type Answer, type ProjectionLog, projectionLog } from "../llama-server/projection-log.ts";
import { logTail } from "../server-logs/files.ts";
import { type LlamaProcess, spawnProcess } from "./process.ts";

/**
 * How long a llama-server may take to print its table, from the first line of its log on: it reads a header and a vocabulary. The first line
 * is waited for longer, because a cold library of Metal shaders is compiled before it (docs/background/apple-memory.md).
 */
export const ANSWER_MS = 10_000;
/** From its start on, whatever it prints. */
export const ALL_MS = 20_000;
const POLL_MS = 10;
/** Builds that say nothing of what they do after the table are believed when they have printed nothing for so long. */
const PAUSE_MS = 300;
/** A longer pause between two looks is a machine that slept, or an agent that was stopped: no more than this counts. */
const LONGEST_STEP_MS = 1000;

export interface Question {
  readonly file: string;
  readonly args: readonly string[];
  readonly logPath: string;
  /** How many tables are waited for: one for each model that it loads. */
  readonly tables: number;
  /** Called with the process as soon as it runs. */
  readonly spawned: (process: LlamaProcess) => void;
  /** Milliseconds that never go back. */
  readonly clock?: () => number;
}

/**
 * Starts a llama-server with the flags of a projection (`projectionFlags`) and ends it with SIGKILL as soon as its table is complete, when its
 * log says that weights are about to be loaded, or after {@link ANSWER_MS}. It is gone when this returns. Throws where it cannot be
 * started because its log cannot be written.
 */
export async function askProjection({ spawned, tables, clock = () => performance.now(), ...command }: Question) {
  let over = () => {};
  const gone = new Promise<void>((resolve) => {
    over = resolve;
  });
  const process = spawnProcess({ ...command, ended: over });
  try {
    spawned(process);
    return await answerOf(process, tables, clock);
  } finally {
    process.signal("SIGKILL");
    await gone;
  }
}

/** The answer of a process that runs, by its log. */
export async function answerOf(
  { logPath, exit }: Pick<LlamaProcess, "logPath" | "exit">,
  tables: number,
  clock: () => number,
): Promise<Answer> {
  const log = projectionLog(tables);
  const file = follower(logPath);
  try {
    const time = { all: 0, printing: 0, silent: 0 };
    for (let before = clock(); ; ) {
      // Whether it has ended is looked at first: what it printed last is then in its log.
      const how = exit();
      const text = file.more();
      const answer = log.take(text) ?? (time.silent >= PAUSE_MS ? log.pause() : undefined);
      if (answer !== undefined) return answer;
      if (how !== undefined) return log.end(endOf(how, logPath));
      const now = clock();
      const step = Math.min(now - before, LONGEST_STEP_MS);
      before = now;
      time.all += step;
      time.silent = text === "" ? time.silent + step : 0;
      if (file.begun()) time.printing += step;
      if (time.printing >= ANSWER_MS || time.all >= ALL_MS) return late(log, time.printing >= ANSWER_MS);
      await sleep(POLL_MS);
    }
  } finally {
    file.close();
  }
}

function late(log: ProjectionLog, printing: boolean): Answer {
  const answer = log.end(
    printing ? `none within ${ANSWER_MS / 1000} s of its first line` : `it had not answered after ${ALL_MS / 1000} s`,
  );
  return answer.bytes === null ? { ...answer, late: true } : answer;
}

/** As part of a sentence: `llama-server exited (exit code 1)`. */
function endOf(exit: Exit, logPath: string): string {
  return exitReason(exit, logTail(logPath)).message;
}

const CHUNK_BYTES = 256 * 1024;
/** Of one that floods its log no more is read at a time: the agent has other work. */
const MOST_CHUNKS = 16;

/** Reads a log from its start as it grows. */
function follower(path: string) {
  const file = openSync(path, "r");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let at = 0;
  return {
    more: (): string => {
      // One that is shorter than before was cut meanwhile.
      if (fstatSync(file).size < at) at = 0;
      let text = "";
      for (let chunks = 0; chunks < MOST_CHUNKS; chunks += 1) {
        const read = readSync(file, chunk, 0, CHUNK_BYTES, at);
        at += read;
        text += chunk.toString("latin1", 0, read);
        if (read < CHUNK_BYTES) break;
      }
      return text;
    },
    begun: () => at > 0,
    close: () => closeSync(file),
  };
}
