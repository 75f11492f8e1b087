import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { release } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { shardSources } from "../../gguf/shards.ts";
import type { ModelPaths } from "../llama-server/flags.ts";

/** Version of the file. One of another version is not read, and is replaced by the next answer. */
const VERSION = 1;
/** More answers than that are not kept: the oldest goes first. */
const MOST = 256;
/** Far above what {@link MOST} answers take. */
const MOST_BYTES = 2 ** 20;

const fileSchema = z.object({
  version: z.literal(VERSION),
  answers: z.array(z.tuple([z.string().length(64), z.int().nonnegative()])).max(MOST),
});

/** What llama-server has answered, so that an unchanged model is not asked about again, by an agent that started anew neither. */
export interface KeptProjections {
  readonly of: (key: string) => number | undefined;
  readonly keep: (key: string, bytes: number) => void;
}

/** Answers are read when the first is looked for. A file that cannot be read or written costs a question, and nothing else. */
export function keptProjections(path: string): KeptProjections {
  let known: Map<string, number> | undefined;
  const answers = () => {
    known ??= new Map(readAnswers(path));
    return known;
  };
  return {
    of: (key) => answers().get(key),
    keep: (key, bytes) => {
      answers().delete(key);
      answers().set(key, bytes);
      for (const oldest of [...answers().keys()].slice(0, -MOST)) answers().delete(oldest);
      try {
        const text = `${JSON.stringify({ version: VERSION, answers: [...answers()] })}\n`;
        writeFileAtomic.sync(path, text, { mode: 0o600 });
      } catch {
        // The start that follows says that the state folder cannot be written.
      }
    },
  };
}

function readAnswers(path: string): readonly (readonly [key: string, bytes: number])[] {
  try {
    if (statSync(path).size > MOST_BYTES) return [];
    return fileSchema.parse(JSON.parse(readFileSync(path, "utf8"))).answers;
  } catch {
    return [];
  }
}

/** The model's files were looked at a moment ago. On a disk that hangs since, the answer is not kept. */
const PATIENCE_MS = 500;

/**
 * Names what an answer depends on: the binary, the system that its GPU code is compiled for, the files with the headers, and all flags.
 * Undefined where one of them cannot be told.
 *
 * @param serverStamp changes when the binary is replaced
 */
export async function projectionKey(
  serverStamp: string | undefined,
  paths: ModelPaths,
  args: readonly string[],
): Promise<string | undefined> {
  if (serverStamp === undefined) return undefined;
  const files = [...shardSources(paths.model), paths.mmproj ?? [], paths.draft ?? []].flat();
  const stamps = await Promise.race([
    Promise.all(files.map(stampOf)).catch(() => undefined),
    sleep(PATIENCE_MS, undefined, { ref: false }),
  ]);
  if (stamps === undefined) return undefined;
  return createHash("sha256")
    .update(JSON.stringify([serverStamp, release(), stamps, args]))
    .digest("hex");
}

async function stampOf(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs} ${size} ${ino}`;
}
