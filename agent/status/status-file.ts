import { mkdir, readFile, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { errorCode } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { patienceMs } from "./changes.ts";
import type { StatusSink } from "./sink.ts";
import { type AgentStatus, statusSchema } from "./status.ts";

/** How often the file's time of modification says that the agent's main part goes on, in milliseconds. */
export const HEARTBEAT_MS = 3000;

/**
 * Writes `status.json` in the state folder when something changed. Otherwise it moves the file's time of modification alone, every 3 s:
 * the heartbeat of the agent's main part, which costs no writing. The last status of a workload that is gone is not kept.
 *
 * @param clock milliseconds that never go back
 */
export function fileSink(stateDirectory: string, clock: () => number = () => performance.now()): StatusSink {
  const path = statusPath(stateDirectory);
  let written: { readonly status: AgentStatus; readonly at: number } | undefined;
  let beatAt = 0;
  const write = async (status: AgentStatus) => {
    const at = clock();
    await writeText(path, `${JSON.stringify(status, null, 2)}\n`);
    written = { status, at };
    beatAt = at;
  };
  return {
    name: "the status file",
    publish: async (status) => {
      const now = clock();
      if (written === undefined || now - written.at >= patienceMs(written.status, status)) return write(status);
      if (now - beatAt < HEARTBEAT_MS) return;
      const beaten = await touch(path);
      if (!beaten) return write(status);
      beatAt = now;
    },
    terminated: async () => {},
  };
}

/** Makes the state folder again if somebody has removed it. */
async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFileAtomic(path, text, { fsync: false });
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFileAtomic(path, text, { fsync: false });
  }
}

/** Whether the file is there and its time was moved. */
async function touch(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    () => false,
  );
}

/** The last status that an agent wrote, whether it still runs or not. Fails if there is none, or if it is of another version. */
export async function readStatus(stateDirectory: string): Promise<Result<AgentStatus>> {
  const path = statusPath(stateDirectory);
  try {
    const parsed = statusSchema.safeParse(JSON.parse(await readFile(path, "utf8")));
    return parsed.success
      ? ok(parsed.data)
      : fail(`${path} was written by another version of the agent: start the agent of this version`);
  } catch (error) {
    if (error instanceof SyntaxError) return fail(`${path} is not JSON: remove it and start the agent again`);
    return fail(`no agent has run with the state folder ${stateDirectory}: start one with pulumi-llmkube agent`);
  }
}

/** When the agent's main part last showed that what `status.json` says is still so; undefined if that cannot be read. */
export async function readHeartbeat(stateDirectory: string): Promise<Date | undefined> {
  return (await stat(statusPath(stateDirectory)).catch(() => undefined))?.mtime;
}

function statusPath(stateDirectory: string): string {
  return join(stateDirectory, "status.json");
}
