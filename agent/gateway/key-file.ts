import { createHash } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { extname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { z } from "zod";
import { errorText } from "../../api/error-code.ts";
import { fail, failIn, ok, type Result } from "../../api/result.ts";
import { readYaml } from "../files/yaml.ts";

/** One entry of the file that `--gateway-keys` names. */
export interface NamedKey {
  readonly name: string;
  /** SHA-256 of the key. The key itself is not kept. */
  readonly digest: Buffer;
  /** What it may use: `namespace/name`, a name without its namespace, an alias, or a beginning of the first two with `*`; undefined: all. */
  readonly models: readonly string[] | undefined;
  /** At once; undefined: any number. */
  readonly requests: number | undefined;
  /** Of prompts and answers together; undefined: any number. */
  readonly tokensPerMinute: number | undefined;
  /** What its requests leave in a server is not saved; absent: it may be. */
  readonly savedSlots?: false;
}

const MAX_BYTES = 2 ** 20;
const MOST_KEYS = 1000;
const MOST_MODELS = 1000;
const MOST_REQUESTS = 10_000;
const MOST_TOKENS = 1_000_000_000;
/** Opening a named pipe does not wait for a writer. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

const EXAMPLE = "write a list of entries such as {name: editor, key: at least 16 characters}";

// Every message is our own: those of the schema could quote a key.
const entrySchema = z.strictObject(
  {
    name: z
      .string(`"name" is missing or no text`)
      .regex(/^[a-z0-9-]{1,63}$/, `"name" is not 1 to 63 small letters, digits and hyphens`),
    key: z
      .string(`"key" is missing or no text: put it in quotes`)
      .regex(/^[!-~]{16,512}$/, `"key" is not 16 to 512 printable ASCII characters without spaces`),
    models: z
      .array(
        z
          .string('"models" has an entry that is no text')
          .regex(
            /^[A-Za-z0-9._:@/-]{0,253}(?:[A-Za-z0-9]|\*)$/,
            '"models" has an entry that is no name of a model: only the end may be a *',
          ),
        '"models" is no list',
      )
      .min(1, '"models" is empty: leave it out for all models, or take the key out')
      .max(MOST_MODELS, `"models" has more than ${MOST_MODELS} entries`)
      .optional(),
    requests: wholeNumber("requests", MOST_REQUESTS).optional(),
    tokensPerMinute: wholeNumber("tokensPerMinute", MOST_TOKENS).optional(),
    savedSlots: z.boolean('"savedSlots" is neither true nor false').optional(),
  },
  {
    error: ({ code }) =>
      code === "unrecognized_keys"
        ? "it has a field other than name, key, models, requests, tokensPerMinute and savedSlots"
        : `it is no entry: ${EXAMPLE}`,
  },
);

function wholeNumber(field: string, most: number) {
  const message = `"${field}" is no whole number from 1 to ${most}`;
  return z.int(message).min(1, message).max(most, message);
}

/** Reads the file that `--gateway-keys` names. Fails with one sentence that shows no key. */
export type ReadKeyFile = (path: string) => Promise<Result<readonly NamedKey[]>>;

export const readKeyFile: ReadKeyFile = (path) => keyFileReader()(path);

/**
 * Reads the file again and again. What has not changed is not parsed again.
 *
 * @param parseMs how long a large file is parsed at most. Default: 8 s, less than a look is waited for
 */
export function keyFileReader(parseMs: number = PARSE_MS): ReadKeyFile {
  let last: { readonly digest: Buffer; readonly keys: Result<readonly NamedKey[]> } | undefined;
  const parsed = async (text: string) => {
    const digest = digestOf(text);
    if (last?.digest.equals(digest)) return last.keys;
    const keys = text.length > MOST_IN_PLACE ? await parsedAside(text, parseMs) : parseKeys(text);
    // What failed for want of time or memory may succeed at the next look.
    if (keys.ok || keys.kind !== "unreachable") last = { digest, keys };
    return keys;
  };
  return async (path) => {
    const text = await privateText(path);
    const keys = text.ok ? await parsed(text.value) : text;
    return keys.ok ? keys : failIn(`--gateway-keys ${path}`, keys);
  };
}

/** In characters, some 80 keys. The parser of YAML is slow: 1000 keys would hold up the agent for more than half a second. */
const MOST_IN_PLACE = 8192;
const PARSER = join(import.meta.dirname, `key-parser${extname(import.meta.filename)}`);

const PARSE_MS = 8000;

/** In a thread of its own, which ends with that. One that hung, or ended without a word, would keep every later look from the file. */
async function parsedAside(text: string, parseMs: number): Promise<Result<readonly NamedKey[]>> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), parseMs);
  let worker: Worker | undefined;
  try {
    worker = new Worker(PARSER, { workerData: text });
    worker.once("exit", () => over.abort());
    const [keys] = (await once(worker, "message", { signal: over.signal })) as [Result<readonly NamedKey[]>];
    // Of a Buffer only the bytes come across.
    return keys.ok ? ok(keys.value.map((key) => ({ ...key, digest: Buffer.from(key.digest) }))) : keys;
  } catch (error) {
    const why = over.signal.aborted ? `not within ${parseMs / 1000} s` : errorText(error);
    return fail(`it cannot be parsed (${why})`, "unreachable");
  } finally {
    clearTimeout(timer);
    await worker?.terminate();
  }
}

async function privateText(path: string): Promise<Result<string>> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, FLAGS);
    const stats = await file.stat();
    if (!stats.isFile()) return fail(`it is not a file: ${EXAMPLE} into one`);
    if ((stats.mode & 0o077) !== 0) return fail("other users can read or change it: run chmod 600 on it");
    const bytes = await readUpTo(file, MAX_BYTES);
    return bytes === undefined ? fail("it is larger than 1 MiB, which no file of keys is") : decoded(bytes);
  } catch (error) {
    return fail(`it cannot be read (${errorText(error)})`, "unreachable");
  } finally {
    await file?.close();
  }
}

/** Undefined where there is more: a file may grow while it is read. */
async function readUpTo(file: FileHandle, limit: number): Promise<Buffer | undefined> {
  const buffer = Buffer.alloc(limit + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await file.read(buffer, { offset: length, length: Math.min(buffer.length - length, 65_536) });
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  return undefined;
}

function decoded(bytes: Buffer): Result<string> {
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail("it is not in UTF-8: save it as that");
  }
}

/** The entries of a keys file, in YAML or JSON. Fails with a clause that shows no key. */
export function parseKeys(text: string): Result<readonly NamedKey[]> {
  const documents = readYaml(text);
  // What stands in quotes comes from the file.
  if (!documents.ok) return fail(documents.error.replaceAll(/ "(?:[^"\\]|\\.)*"/g, ""));
  const [list, ...more] = documents.value;
  if (more.length > 0) return fail("it holds more than one document: write one list");
  if (list === undefined || list === null) return fail(`it holds no key: ${EXAMPLE}`);
  if (!Array.isArray(list)) return fail(`it is no list: ${EXAMPLE}`);
  if (list.length === 0) return fail(`it holds no key: ${EXAMPLE}`);
  if (list.length > MOST_KEYS) return fail(`it has more than ${MOST_KEYS} keys`);
  return namedKeys(list);
}

function namedKeys(list: readonly unknown[]): Result<readonly NamedKey[]> {
  const keys: NamedKey[] = [];
  const names = new Set<string>();
  const digests = new Map<string, number>();
  for (const [index, entry] of list.entries()) {
    const where = `entry ${index + 1}`;
    const parsed = entrySchema.safeParse(entry);
    if (!parsed.success) return fail(`${where}: ${parsed.error.issues[0]?.message}`);
    const { name, key, models, requests, tokensPerMinute, savedSlots } = parsed.data;
    if (names.has(name)) return fail(`${where}: the name ${name} stands twice: give each key its own`);
    const digest = digestOf(key);
    const same = digests.get(digest.toString("hex"));
    if (same !== undefined) return fail(`${where}: it has the key of entry ${same}: make another for it`);
    names.add(name);
    digests.set(digest.toString("hex"), index + 1);
    const unsaved = savedSlots === false && { savedSlots };
    keys.push({ name, digest, models, requests, tokensPerMinute, ...unsaved });
  }
  return ok(keys);
}

export function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
