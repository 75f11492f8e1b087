import { readFile, stat } from "node:fs/promises";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";

/**
 * The first key in the file that `--api-key-file` names: one key per line, as llama-server reads it. Fails if other users can read the
 * file, or if it holds no key. Keys are never arguments, because every user of the machine can see those with `ps`.
 */
export async function readApiKey(path: string): Promise<Result<string>> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) return fail(`--api-key-file ${path} can be read by other users: run chmod 600 on it`);
    const key = (await readFile(path, "utf8")).split("\n").find((line) => line.trim() !== "");
    return key === undefined ? fail(`--api-key-file ${path} holds no key: write one key per line`) : ok(key.trim());
  } catch (error) {
    return fail(`--api-key-file ${path} cannot be read (${errorText(error)})`);
  }
}
