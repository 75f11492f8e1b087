import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { errorCode } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { readApiKeys } from "../llama-server/api-key.ts";
import { stateFolderProblem } from "../state/problem.ts";
import type { WorkingOptions } from "../work/work.ts";

const KEY_BYTES = 32;

/**
 * Behind a gateway each server asks for a key, so that nobody on this machine goes round it: a random one in the state folder, unless the
 * options name a file or each server has its own. The same one after a restart, or every server would restart too.
 */
export async function withOwnKey(options: WorkingOptions): Promise<Result<WorkingOptions>> {
  const { gateway, apiKeyFile, ownApiKeys, state } = options;
  if (gateway === undefined || apiKeyFile !== undefined || ownApiKeys) return ok(options);
  const path = join(state, "gateway.key");
  const there = await readApiKeys(path);
  if (there.ok) return ok({ ...options, apiKeyFile: path });
  const why = await readFile(path).then(() => undefined, errorCode);
  // With another key every server would restart, for a disk that does not answer at this moment.
  if (why !== undefined && why !== "ENOENT")
    return fail(`${path} cannot be read (${why}): look at its disk and rights`);
  try {
    await writeFileAtomic(path, `${randomBytes(KEY_BYTES).toString("hex")}\n`, { mode: 0o600, fsync: true });
    return ok({ ...options, apiKeyFile: path });
  } catch (error) {
    return fail(stateFolderProblem(state, error));
  }
}
