import { readFile, stat } from "node:fs/promises";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";

/**
 * The first key in a file that `--api-key-file` names, one a line, as llama-server reads it. Keys are in files only: an argument is seen by
 * every user of the machine (`ps`).
 */
export async function readApiKey(path: string): Promise<Result<string>> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) return fail(`--api-key-file ${path} can be read by other users: chmod 600 it`);
    const key = (await readFile(path, "utf8")).split("\n").find((line) => line.trim() !== "");
    return key === undefined ? fail(`--api-key-file ${path} holds no key: write one a line`) : ok(key.trim());
  } catch (error) {
    return fail(`--api-key-file ${path} cannot be read (${errorText(error)})`);
  }
}
