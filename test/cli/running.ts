import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { CLI } from "../support/run-cli.ts";

const PATIENCE_MS = 30_000;
const children = new Set<ChildProcess>();

function killChildren(): void {
  for (const child of children) child.kill("SIGKILL");
}

/** A command that goes on until it is interrupted, with its output as it comes. Killed with the tests, however they end. */
export function startCli(...args: readonly string[]) {
  return running(process.execPath, [CLI, ...args]);
}

/** The same, which may have so many files open at a time. */
export function startCliWithFiles(files: number, ...args: readonly string[]) {
  return running("/bin/sh", ["-c", `ulimit -n ${files}; exec "$0" "$@"`, process.execPath, CLI, ...args]);
}

function running(file: string, args: readonly string[]) {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  if (children.size === 0) process.once("exit", killChildren);
  children.add(child);
  const exit = once(child, "exit");
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (stderr += String(chunk)));
  return {
    printed: async (expected: RegExp): Promise<void> => {
      const deadline = Date.now() + PATIENCE_MS;
      while (!expected.test(stdout)) {
        if (Date.now() > deadline) assert.fail(`not printed: ${expected}; printed: ${stdout}${stderr}`);
        await sleep(50);
      }
    },
    interrupted: async (): Promise<number | null> => {
      child.kill("SIGINT");
      await exit;
      return child.exitCode;
    },
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    stdout: () => stdout,
    closeOutput: () => child.stdout.destroy(),
    ended: async () => {
      await exit;
      return { exitCode: child.exitCode, stderr };
    },
  };
}
