import { execFile } from "node:child_process";
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

export async function makeFifo(path: string): Promise<void> {
  await promisify(execFile)("mkfifo", [path]);
}

/** Removes a named pipe, and ends all that waits to read from it. */
export async function releaseFifo(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  await rm(path);
  await sleep(100);
  closeSync(fd);
}
