import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { errorCode } from "../../api/error-code.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** The reading end of an agent's output, which can stop reading as a terminal does after Ctrl-S. */
export interface PausableOutput {
  /** For the agent. */
  readonly fd: number;
  /** Stops reading, and fills the pipe. */
  readonly pause: () => void;
  /** Whether it takes nothing. */
  readonly isFull: () => boolean;
  readonly resume: () => void;
  readonly text: () => string;
  readonly close: () => void;
}

const READ_MS = 50;

export async function pausableOutput(): Promise<PausableOutput> {
  const path = join(await temporaryDirectory(), "output");
  await promisify(execFile)("mkfifo", [path]);
  // Two openings: what one of them sets, blocking or not, does not hold for the other.
  const own = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_RDWR);
  const buffer = Buffer.alloc(2 ** 16);
  let [paused, text] = [false, ""];
  const read = () => {
    for (let length = 1; !paused && length > 0; ) {
      length = unlessFull(() => readSync(own, buffer));
      text += buffer.toString("utf8", 0, length);
    }
  };
  const writes = () => unlessFull(() => writeSync(own, "x\n")) > 0;
  const reading = setInterval(read, READ_MS);
  return {
    fd,
    pause: () => {
      paused = true;
      while (writes());
    },
    isFull: () => paused && !writes(),
    resume: () => {
      paused = false;
      read();
    },
    text: () => text,
    close: () => {
      clearInterval(reading);
      for (const each of [own, fd]) closeSync(each);
    },
  };
}

/** What `transfer` transferred; 0 where a pipe is full or empty. */
function unlessFull(transfer: () => number): number {
  try {
    return transfer();
  } catch (error) {
    assert.equal(errorCode(error), "EAGAIN");
    return 0;
  }
}
