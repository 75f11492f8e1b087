import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { errorCode } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { StatusSink } from "./sink.ts";
import { type AgentStatus, statusSchema } from "./status.ts";

/** Writes `status.json` in the state folder. The last status of a workload that is gone is not kept. */
export function fileSink(stateDirectory: string): StatusSink {
  return {
    name: "the status file",
    publish: async (status) => {
      const text = `${JSON.stringify(status, null, 2)}\n`;
      const write = () => writeFileAtomic(statusPath(stateDirectory), text, { fsync: false });
      try {
        await write();
      } catch (error) {
        if (errorCode(error) !== "ENOENT") throw error;
        // Somebody has removed the folder.
        await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
        await write();
      }
    },
    terminated: async () => {},
  };
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

function statusPath(stateDirectory: string): string {
  return join(stateDirectory, "status.json");
}
