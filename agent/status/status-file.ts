import { readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { fail, ok, type Result } from "../../api/result.ts";
import type { StatusSink } from "./sink.ts";
import { type AgentStatus, statusSchema } from "./status.ts";

/** `status.json` in the state folder. A workload that is gone is in the next status no more: its last one is not kept. */
export function fileSink(stateDirectory: string): StatusSink {
  return {
    name: "the status file",
    publish: async (status) => {
      await writeFileAtomic(statusPath(stateDirectory), `${JSON.stringify(status, null, 2)}\n`, { fsync: false });
    },
    terminated: async () => {},
  };
}

/** The last status an agent wrote, whether it still runs or not. */
export async function readStatus(stateDirectory: string): Promise<Result<AgentStatus>> {
  const path = statusPath(stateDirectory);
  try {
    const parsed = statusSchema.safeParse(JSON.parse(await readFile(path, "utf8")));
    return parsed.success ? ok(parsed.data) : fail(`${path} was not written by this version of the agent`);
  } catch (error) {
    if (error instanceof SyntaxError) return fail(`${path} is not JSON: remove it and start the agent again`);
    return fail(`no agent has run with the state folder ${stateDirectory}: start one with pulumi-llmkube agent`);
  }
}

function statusPath(stateDirectory: string): string {
  return join(stateDirectory, "status.json");
}
