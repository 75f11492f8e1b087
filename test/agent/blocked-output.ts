import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";
import { errorCode } from "../../api/error-code.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** An output on which every write blocks, until it is read. */
export interface BlockedOutput {
  readonly fd: number;
  /** What has come since the last time. */
  readonly read: () => string;
  readonly close: () => void;
}

const FILLING = "\0";

/** A pipe that is full, as that of a reader who was stopped. */
export async function blockedPipe(): Promise<BlockedOutput> {
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
  return {
    fd,
    read,
    close: () => {
      closeSync(own);
      closeSync(fd);
    },
  };
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

/** Node.js has no pseudo-terminals. The first line of its input starts the output of the terminal again. */
const TERMINAL = `
import os, pty, select, sys, termios
r, w = pty.openpty()
termios.tcflow(w, termios.TCOOFF)
print(os.ttyname(w), flush=True)
sys.stdin.readline()
termios.tcflow(w, termios.TCOON)
while True:
    for source in select.select([r, 0], [], [])[0]:
        text = os.read(source, 65536)
        if source == 0 and not text: sys.exit()
        if source == r: os.write(1, text)
`;

/** A terminal after Ctrl-S. Undefined where there is no Python to make one. */
export async function stoppedTerminal(): Promise<BlockedOutput | undefined> {
  const terminal = spawn("python3", ["-c", TERMINAL], { stdio: ["pipe", "pipe", "inherit"] });
  const started = once(terminal.stdout, "data").then(([name]) => String(name).trim());
  const missing = once(terminal, "error").then(() => undefined);
  const path = await Promise.race([started, missing]);
  if (path === undefined) return undefined;
  let seen = "";
  terminal.stdout.on("data", (text) => (seen += String(text)));
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOCTTY);
  return {
    fd,
    read: () => {
      terminal.stdin.write("\n");
      const news = seen;
      seen = "";
      return news;
    },
    close: () => {
      closeSync(fd);
      terminal.stdin.end();
    },
  };
}
