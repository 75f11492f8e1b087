import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../api/error-code.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** A pipe that is full, as that of a reader who was stopped: every further write blocks. */
export interface BlockedPipe {
  readonly fd: number;
  /** Reads what is in it now, the filling left out. */
  readonly read: () => string;
  readonly close: () => void;
}

const FILLING = "\0";

export async function blockedPipe(): Promise<BlockedPipe> {
  const path = join(await temporaryDirectory(), "pipe");
  execFileSync("mkfifo", [path]);
  // Both ends by one descriptor, so that none of the opens waits for the other; what the agent inherits is another open file, that blocks.
  const own = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  for (const size of [4096, 1]) while (tried(() => writeSync(own, FILLING.repeat(size))) !== undefined);
  const fd = openSync(path, constants.O_WRONLY);
  const chunk = Buffer.alloc(65_536);
  const read = () => {
    let seen = "";
    for (;;) {
      const bytes = tried(() => readSync(own, chunk));
      if (bytes === undefined) return seen.replaceAll(FILLING, "");
      seen += chunk.toString("utf8", 0, bytes);
    }
  };
  return { fd, read, close: () => [own, fd].forEach(closeSync) };
}

/** Undefined where it would block. */
function tried(act: () => number): number | undefined {
  try {
    return act();
  } catch (error) {
    assert.equal(errorCode(error), "EAGAIN");
    return undefined;
  }
}
