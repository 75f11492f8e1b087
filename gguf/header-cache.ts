import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { parse, stringify } from "devalue";
import envPaths from "env-paths";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import type { Location } from "../fetch/locate.ts";
import type { GgufHeader } from "./header.ts";

/** A header, and the version of the file that it was read from. */
export interface KnownHeader {
  readonly version: string;
  readonly header: GgufHeader;
}

export interface FoundHeader extends KnownHeader {
  /** When its source last said that the file is of this version. */
  readonly confirmedAt: Date;
}

/** Another number makes the entries of earlier formats unfindable; they go as the oldest do. */
const FORMAT = 1;
/** What the folder may hold. An ordinary header takes some 50 KiB. */
const MAX_ENTRIES = 512;
const MAX_BYTES = 64 * 2 ** 20;

/** An entry, or what a killed run left of one. */
const ENTRY = /^[0-9a-f]{64}\.header/;

/** NaN and the infinities are values too: the estimator says what is wrong with them. */
const numberSchema = z.custom<number>((value) => typeof value === "number");

const valueSchema = z.union([
  numberSchema,
  z.boolean(),
  z.string(),
  z.array(numberSchema),
  z.array(z.boolean()),
  z.strictObject({ kind: z.literal("skipped-array"), length: z.int() }),
  z.strictObject({ kind: z.literal("skipped-string"), bytes: z.int() }),
  z.strictObject({ kind: z.literal("huge-integer"), value: z.bigint() }),
]);

const tensorSchema = z.strictObject({
  name: z.string(),
  shape: z.array(z.int().positive()),
  type: z.int(),
  offset: z.int().nonnegative(),
});

const knownSchema: z.ZodType<KnownHeader> = z.strictObject({
  version: z.string(),
  header: z.strictObject({
    version: z.int(),
    fileBytes: z.int().positive(),
    dataOffset: z.int().positive(),
    metadata: z.map(z.string(), valueSchema),
    tensors: z.array(tensorSchema),
  }),
});

/**
 * The user's own cache of headers; `PULUMI_LLMKUBE_HEADER_CACHE` names another folder (absolute), or `off` for none. Any
 * other value of it is taken for `off`: nothing is written where nobody asked.
 */
export function headerCacheFolder(
  named: string | undefined = process.env["PULUMI_LLMKUBE_HEADER_CACHE"],
): string | undefined {
  if (named === undefined || named === "") return join(envPaths("pulumi-llmkube", { suffix: "" }).cache, "headers");
  return isAbsolute(named) ? named : undefined;
}

/** What is known of the file from an earlier run; whatever cannot be read or understood is not known. */
export async function findHeader(folder: string, location: Location): Promise<FoundHeader | undefined> {
  const path = entryPath(folder, location);
  try {
    const known = knownSchema.parse(parse(await readFile(path, "utf8")));
    return { ...known, confirmedAt: (await stat(path)).mtime };
  } catch {
    return undefined;
  }
}

/** Notes that the source still has the version that is known. The entries that were confirmed last stay longest. */
export async function confirmHeader(folder: string, location: Location): Promise<void> {
  const now = new Date();
  await utimes(entryPath(folder, location), now, now).catch(() => {});
}

/** Keeps a header for later runs. A folder that cannot be written costs them time and nothing else. */
export async function keepHeader(folder: string, location: Location, known: KnownHeader): Promise<void> {
  try {
    const text = stringify(known);
    if (text.length > MAX_BYTES / 4) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFileAtomic(entryPath(folder, location), text, { mode: 0o600, fsync: false });
    await dropOldest(folder);
  } catch {
    // Said above.
  }
}

/** The name tells nothing of the source: a URL may hold what is secret. Credentials are no part of it. */
function entryPath(folder: string, location: Location): string {
  const source = location.kind === "file" ? location.path : location.url.href.replace(/#.*$/s, "");
  const key = createHash("sha256").update(`${FORMAT} ${location.kind} ${source}`).digest("hex");
  return join(folder, `${key}.header`);
}

/** Other runs may write and drop at the same time: what is gone already is fine. */
async function dropOldest(folder: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => ENTRY.test(name));
  const entries = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const stats = await stat(path).catch(() => undefined);
      return { path, bytes: stats?.size ?? 0, usedAt: stats?.mtimeMs ?? 0 };
    }),
  );
  entries.sort((a, b) => b.usedAt - a.usedAt);
  let total = 0;
  for (const [index, { path, bytes }] of entries.entries()) {
    total += bytes;
    if (index >= MAX_ENTRIES || total > MAX_BYTES) await rm(path, { force: true });
  }
}
