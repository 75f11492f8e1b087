import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { extname, join } from "node:path";
import { errorText } from "../../api/error-code.ts";
import { ARGUMENT } from "./protocol.ts";

const PROGRAM = join(import.meta.dirname, `main${extname(import.meta.filename)}`);
/** It allocates little, and what it does is soon garbage. */
const NODE_FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=64"];
const CLOSE_MS = 2000;

/** In a session of its own, so that no signal of the terminal reaches it, and without the environment of the agent, which it does not need. */
function spawnWatchdog(stateDirectory: string): ChildProcess {
  const args = [...NODE_FLAGS, PROGRAM, ARGUMENT, String(process.pid), stateDirectory];
  const env = { PATH: process.env["PATH"] ?? "", LC_ALL: "C" };
  const child = spawn(process.execPath, args, { detached: true, env, stdio: ["ignore", "ignore", "ignore", "ipc"] });
  child.unref();
  child.channel?.unref();
  return child;
}

/** A machine without memory, descriptors or processes makes a spawn throw, or fail later. Returns why it threw. */
export function trySpawn(stateDirectory: string): ChildProcess | string {
  try {
    return spawnWatchdog(stateDirectory);
  } catch (error) {
    return errorText(error);
  }
}

export async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exited = once(child, "exit", { signal: AbortSignal.timeout(CLOSE_MS) }).catch(() => {});
  child.ref();
  child.kill("SIGKILL");
  await exited;
}
