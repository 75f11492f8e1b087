import { open } from "node:fs/promises";
import { errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";

/** A prompt of some million tokens; longer is another file by mistake. */
const MAX_PROMPT_BYTES = 16 * 2 ** 20;
const MAX_KEY_BYTES = 4096;
const KEY_VARIABLE = "PULUMI_LLMKUBE_KEY";

/** The prompt as it was typed, or all of `input` where it is `-`. */
export async function readPrompt(typed: string, input: AsyncIterable<Buffer | string>): Promise<Result<string>> {
  const text = typed === "-" ? await readInput(input) : ok(typed);
  if (!text.ok || text.value.trim() !== "") return text;
  return fail(typed === "-" ? "there is no prompt on standard input" : "the prompt is empty");
}

async function readInput(input: AsyncIterable<Buffer | string>): Promise<Result<string>> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of input) {
    const part = Buffer.from(piece);
    bytes += part.length;
    if (bytes > MAX_PROMPT_BYTES) return fail("the prompt on standard input is longer than 16 MiB");
    pieces.push(part);
  }
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(pieces)));
  } catch {
    return fail("the prompt on standard input is no text in UTF-8");
  }
}

/** The key of the file, else of the environment; undefined where neither is given. No failure repeats it. */
export async function readKey(file: string | undefined, env: NodeJS.ProcessEnv): Promise<Result<string | undefined>> {
  if (file === undefined) {
    const key = env[KEY_VARIABLE];
    return key === undefined || key === "" ? ok(undefined) : checkedKey(key, KEY_VARIABLE);
  }
  const text = await beginningOf(file);
  return text.ok ? checkedKey(text.value.trim(), `--key-file ${file}`) : text;
}

async function beginningOf(file: string): Promise<Result<string>> {
  try {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_KEY_BYTES + 1));
      return ok(buffer.toString("utf8", 0, bytesRead));
    } finally {
      await handle.close();
    }
  } catch (error) {
    return fail(`--key-file ${file} cannot be read (${errorText(error)})`);
  }
}

/** What fits a header, and is one word. */
function checkedKey(key: string, where: string): Result<string> {
  if (key === "") return fail(`${where} is empty: it must hold one key`);
  if (/^[\x21-\x7e]{1,4096}$/.test(key)) return ok(key);
  return fail(`${where} must hold one key and nothing else: at most 4096 letters, digits and signs, without spaces`);
}
