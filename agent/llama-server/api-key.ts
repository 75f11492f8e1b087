import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";

/** The keys in a file. */
export interface ApiKeys {
  /** One of them, for the agent's own requests. */
  readonly first: string;
  /** Tells one content of the file from another, without its keys. */
  readonly digest: string;
}

/** More is no file of keys. */
const MAX_BYTES = 2 ** 20;

/**
 * The keys in the file that `--api-key-file` names: one key per line, as llama-server reads it. Fails if other users can read the
 * file, or if it holds no key. Keys are never arguments, because every user of the machine can see those with `ps`.
 */
export async function readApiKeys(path: string): Promise<Result<ApiKeys>> {
  try {
    const found = await stat(path);
    // A named pipe would keep the reader for ever.
    if (!found.isFile()) return fail(`--api-key-file ${path} is not a file: write one key per line into one`);
    if ((found.mode & 0o077) !== 0) {
      return fail(`--api-key-file ${path} can be read by other users: run chmod 600 on it`);
    }
    if (found.size > MAX_BYTES) return fail(`--api-key-file ${path} is larger than 1 MiB: write one key per line`);
    const text = await readFile(path, "utf8");
    const first = text.split("\n").find((line) => line.trim() !== "");
    if (first === undefined) return fail(`--api-key-file ${path} holds no key: write one key per line`);
    return ok({ first: first.trim(), digest: digestOf(text) });
  } catch (error) {
    return fail(`--api-key-file ${path} cannot be read (${errorText(error)})`);
  }
}

/** Short on purpose: enough to tell contents apart, too little to guess keys from. */
function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
