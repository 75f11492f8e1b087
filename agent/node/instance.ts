import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { fail, ok, type Result } from "../../api/result.ts";
import { stateFolderProblem } from "../state/problem.ts";

/** Which agent this is, of all that might have the same Node name. */
export interface Instance {
  /** 16 hexadecimal digits: the same for the same state folder on the same machine, so that a crashed agent is known again. */
  readonly id: string;
  /** The name under which this state folder was a Node before, where that was another one. */
  readonly formerName: string | undefined;
}

const fileSchema = z.strictObject({ key: z.string(), name: z.string() });

/**
 * Reads or makes the identity of the agent with this state folder. The machine is part of it: a Mac that was set up from another one's backup
 * is another agent.
 */
export async function openInstance(stateDirectory: string, name: string, machineId: string): Promise<Result<Instance>> {
  const path = join(stateDirectory, "node.json");
  const kept = await readFile(path, "utf8")
    .then((text) => fileSchema.safeParse(JSON.parse(text)).data)
    .catch(() => undefined);
  const key = kept?.key ?? randomBytes(16).toString("hex");
  if (kept?.name !== name) {
    try {
      await writeFileAtomic(path, `${JSON.stringify({ key, name })}\n`, { mode: 0o600 });
    } catch (error) {
      return fail(stateFolderProblem(stateDirectory, error));
    }
  }
  const id = createHash("sha256").update(`${key} ${machineId}`).digest("hex").slice(0, 16);
  return ok({ id, formerName: kept === undefined || kept.name === name ? undefined : kept.name });
}
