import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FileIdentity, type Sameness, strongEtag } from "../../fetch/http-part.ts";
import type { HttpLocation } from "../../fetch/locate.ts";
import { Refusal } from "../../fetch/refusal.ts";
import { fileDigest } from "./digest.ts";
import type { StoreLimits } from "./limits.ts";
import type { PartFile } from "./part-file.ts";
import { progressText, rateMeter } from "./progress.ts";
import { bytesIn, frontier } from "./ranges.ts";
import { checkFloor, checkSpaceFor } from "./space.ts";
import { type KnownVersion, knownSha256, readVersions, rememberVersion } from "./versions.ts";

export interface Download {
  readonly location: HttpLocation;
  /** Where the whole, checked file appears; `.part` is filled until then. */
  readonly path: string;
  readonly sha256: string | undefined;
  /** Where it is remembered what was seen of the source: a version that is known to be another file is not fetched again. */
  readonly versionsPath?: string;
  readonly limits: StoreLimits;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

const MAGIC = Buffer.from("GGUF");
/** Nothing smaller can be a header. */
const SMALLEST = 24;
/** Of what is hashed in one go while bytes come, so that a resumed download does not wait for it. */
const HASH_AHEAD_BYTES = 2 ** 28;

/** What came is not what was asked for: none of it is kept. */
export class BadContent extends Refusal {}

/** Whether there is a way to tell that the rest is of the same version. */
export function isResumable(part: PartFile, sha256: string | undefined): boolean {
  const identity = part.identity();
  return strongEtag(identity) !== undefined || identity?.lastModified !== undefined || sha256 !== undefined;
}

const STARTED_OVER: Readonly<Record<Exclude<Sameness, "same"> | "mixed", string>> = {
  another: "the file changed at its source, started over: ",
  untold: "the file changed at its source, or its servers describe it differently, started over in one stream: ",
  mixed: "its servers describe the file differently, and do not all have the same, started over: ",
};

/** Fetches what is missing, and checks the whole: its size, its magic and its sha256. */
export async function receive(job: Download, part: PartFile): Promise<void> {
  const { sha256, versionsPath } = job;
  const versions = versionsPath === undefined ? [] : await readVersions(versionsPath);
  if (!isResumable(part, sha256)) await part.restart(undefined);
  const receiving = reception(job, part, versions);
  let mixed = false;
  const mixing = () => {
    mixed = true;
  };
  await receiving.fetch(sha256 === undefined ? undefined : mixing);
  if (sha256 === undefined) return remember(job, part.identity(), undefined);
  let found = await receiving.sha256();
  if (found !== sha256 && mixed) {
    receiving.startOver("mixed");
    await part.restart(undefined);
    await receiving.fetch(undefined);
    found = await receiving.sha256();
  }
  if (found === sha256) return;
  // What lay on the disk from before may have been spoilt there.
  if (receiving.isFresh()) await remember(job, part.identity(), found);
  throw otherContent(found, sha256);
}

/** One download into `part`, and what is told of it. */
function reception(
  { location, path, sha256, limits, signal, progress }: Download,
  part: PartFile,
  versions: readonly KnownVersion[],
) {
  const folder = dirname(path);
  const meter = rateMeter(() => performance.now());
  const digest = fileDigest(part.file);
  let total = part.identity()?.fileBytes ?? 0;
  let fresh = part.done().length === 0;
  let notice = "";
  let magicSeen = false;

  const show = () => progress(notice + progressText(bytesIn(part.done()), total, meter.bytesPerSecond()));
  const makeSafe = async () => {
    await part.checkpoint();
    await checkFloor(folder, limits.floorBytes);
    if (sha256 === undefined) return;
    await digest.upTo(Math.min(frontier(part.done()), digest.hashedBytes() + HASH_AHEAD_BYTES));
  };
  const received = async (bytes: number) => {
    meter.add(bytes);
    show();
    if (magicSeen || frontier(part.done()) < MAGIC.length) return;
    await checkMagic(part);
    magicSeen = true;
  };
  const opened = async (identity: FileIdentity) => {
    const { fileBytes } = identity;
    const known = knownSha256(versions, identity);
    if (sha256 !== undefined && known !== undefined && known !== sha256) throw otherContent(known, sha256);
    if (fileBytes < SMALLEST) throw new BadContent(`it ended after ${fileBytes} bytes`);
    total = fileBytes;
    digest.restart();
    magicSeen = false;
    await checkSpaceFor(fileBytes - bytesIn(part.done()), folder, limits.floorBytes);
    show();
  };
  const startOver = (why: keyof typeof STARTED_OVER) => {
    notice = STARTED_OVER[why];
    fresh = true;
  };
  return {
    /** All of it, of the right size and magic. */
    async fetch(mixing: (() => void) | undefined): Promise<void> {
      const hooks = { opened, received, startingOver: startOver, waiting: progress, mixing };
      // Loaded on demand, with the HTTP client: most agents download nothing.
      const { transfer } = await import("./transfer.ts");
      const fetching = (until: AbortSignal) => transfer({ location, part, limits, signal: until, ...hooks });
      await savingMeanwhile(fetching, makeSafe, limits.checkpointMs, signal);
      await part.checkpoint();
      await checkWhole(part, total);
    },
    async sha256(): Promise<string> {
      const percent = () => Math.floor((digest.hashedBytes() / total) * 100);
      await digest.upTo(total, () => progress(`checking its sha256, ${percent()}%`));
      return digest.hex();
    },
    startOver,
    /** Whether nothing of it was there before. */
    isFresh: () => fresh,
  };
}

function otherContent(found: string, asked: string): BadContent {
  return new BadContent(`its sha256 is ${found}, the Model asks for ${asked}`);
}

async function remember(
  { versionsPath }: Download,
  identity: FileIdentity | undefined,
  sha256: string | undefined,
): Promise<void> {
  const etag = strongEtag(identity);
  if (versionsPath === undefined || identity === undefined || etag === undefined) return;
  await rememberVersion(versionsPath, { etag, fileBytes: identity.fileBytes, sha256 });
}

/** Does `work` and, regularly, `save`, also while nothing comes; where that fails, the work ends with its error. */
async function savingMeanwhile(
  work: (until: AbortSignal) => Promise<void>,
  save: () => Promise<void>,
  everyMs: number,
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const failed = new AbortController();
  const saving = (async () => {
    while (!over.signal.aborted) {
      await sleep(everyMs, undefined, { signal: over.signal }).catch(() => {});
      if (!over.signal.aborted) await save();
    }
  })().catch((error: unknown) => failed.abort(error));
  try {
    await work(AbortSignal.any([signal, failed.signal]));
  } catch (error) {
    throw failed.signal.aborted ? failed.signal.reason : error;
  } finally {
    over.abort();
    await saving;
  }
}

async function checkWhole(part: PartFile, total: number): Promise<void> {
  const { size } = await part.file.stat();
  if (size !== total) throw new BadContent(`it has ${size} bytes on the disk instead of ${total}`);
  await checkMagic(part);
}

async function checkMagic({ file }: PartFile): Promise<void> {
  const { buffer } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
  if (!buffer.equals(MAGIC)) throw new BadContent("it is not a GGUF file: name the .gguf file itself");
}
