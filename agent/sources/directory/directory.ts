import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { watch } from "chokidar";
import { errorText } from "../../../api/error-code.ts";
import { keyOf, type Manifest } from "../../workload/manifest.ts";
import { type FileContent, readDocuments } from "./documents.ts";

/** What is wanted, as far as it could be read. */
export interface Snapshot {
  readonly manifests: readonly Manifest[];
  /** One sentence each, naming the file. */
  readonly problems: readonly string[];
}

export interface DirectorySource {
  current(): Snapshot;
  close(): Promise<void>;
}

/** What was last read of a file. A file that cannot be used keeps the manifests that it held before (T6). */
interface KnownFile extends FileContent {
  readonly stamp: string;
}

type Known = ReadonlyMap<string, KnownFile>;

const RESCAN_MS = 5000;
/** A renderer writes several files at a time, and not each at once. */
const SETTLE_MS = 200;
const MAX_FILE_BYTES = 2 ** 20;

/**
 * The manifests under a folder, as `renderYamlToDirectory` writes them; watched, and rescanned every 5 s in case an event
 * was missed. An absent folder is waited for. `changed` is called after each rescan that found something new.
 */
export async function openDirectory(folder: string, changed: () => void): Promise<DirectorySource> {
  let known: Known = new Map();
  let snapshot: Snapshot = { manifests: [], problems: [] };
  let running = Promise.resolve();
  const rescan = async () => {
    const files = await yamlFiles(folder);
    if (typeof files !== "string") known = await readAll(folder, files, known);
    const all = joined(known, snapshot);
    const next = typeof files === "string" ? { ...all, problems: [files + kept(all.manifests)] } : all;
    if (JSON.stringify(next) === JSON.stringify(snapshot)) return;
    snapshot = next;
    changed();
  };
  const schedule = () => (running = running.then(rescan));
  await schedule();

  let settling: NodeJS.Timeout | undefined;
  const watcher = watch(folder, { ignoreInitial: true }).on("all", () => {
    clearTimeout(settling);
    settling = setTimeout(schedule, SETTLE_MS);
  });
  // What changed between the first scan and the first watch comes with no event.
  watcher.once("ready", schedule);
  // A watch that breaks leaves the rescan; what is wrong with the folder that one says.
  watcher.on("error", () => {});
  const timer = setInterval(schedule, RESCAN_MS);
  return {
    current: () => snapshot,
    close: async () => {
      clearInterval(timer);
      clearTimeout(settling);
      await watcher.close();
      await running;
    },
  };
}

/** A folder that is away is no deletion of what was in it: an unmounted disk, a checkout that is being replaced (T6). */
function kept(manifests: readonly Manifest[]): string {
  return manifests.length === 0 ? "" : "; what was last read there stays in force";
}

/** The YAML files under `folder`, hidden ones aside, or a sentence why there is no telling. A folder that is not there has no files. */
async function yamlFiles(folder: string): Promise<readonly string[] | string> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory() && /^[^.].*\.(ya?ml|json)$/.test(entry.name));
    return files.map((entry) => relative(folder, join(entry.parentPath, entry.name))).sort();
  } catch (error) {
    const code = errorText(error);
    if (code === "ENOENT") return `${folder} does not exist: waiting for it`;
    if (code === "ENOTDIR") return `${folder} is not a folder: name the folder that holds the manifests`;
    return `${folder} cannot be read (${code}): check its permissions`;
  }
}

async function readAll(folder: string, files: readonly string[], before: Known): Promise<Known> {
  const read = await Promise.all(
    files.map(async (file) => [file, await readOne(folder, file, before.get(file))] as const),
  );
  return new Map(read);
}

async function readOne(folder: string, file: string, before: KnownFile | undefined): Promise<KnownFile> {
  const path = join(folder, file);
  try {
    const { mtimeMs, size, ino } = await stat(path);
    const stamp = `${mtimeMs} ${size} ${ino}`;
    if (before?.stamp === stamp) return before;
    if (size > MAX_FILE_BYTES) return faulty([`${file}: it is larger than 1 MiB, which no manifest is`], stamp, before);
    const content = readDocuments(file, await readFile(path, "utf8"));
    if (!content.ok) return faulty([content.error], stamp, before);
    if (content.value.problems.length === 0) return { ...content.value, stamp };
    return { ...faulty(content.value.problems, stamp, before), manifests: patched(content.value, before) };
  } catch (error) {
    return faulty([`${file}: it cannot be read (${errorText(error)})`], "", before);
  }
}

function faulty(problems: readonly string[], stamp: string, before: KnownFile | undefined): KnownFile {
  const manifests = before?.manifests ?? [];
  const inForce = manifests.length === 0 ? "" : "; its last good version stays in force";
  return { manifests, problems: problems.map((problem) => problem + inForce), stamp };
}

/** The good documents of a file, and of its other documents what they said before. */
function patched(content: FileContent, before: KnownFile | undefined): readonly Manifest[] {
  const good = new Set(content.manifests.map(keyOf));
  return [...content.manifests, ...(before?.manifests ?? []).filter((manifest) => !good.has(keyOf(manifest)))];
}

/**
 * All files together. Which of two documents of one name is meant is not ours to guess: what was in force before stays so
 * (T6), and a name that never was anybody's stays nobody's.
 */
function joined(known: Known, before: Snapshot): Snapshot {
  const problems = [...known.values()].flatMap((file) => file.problems);
  const claims = new Map<string, { manifest: Manifest; files: string[] }>();
  for (const [file, { manifests }] of known) {
    for (const manifest of manifests) {
      const claim = claims.get(keyOf(manifest));
      if (claim === undefined) claims.set(keyOf(manifest), { manifest, files: [file] });
      else claim.files.push(file);
    }
  }
  const manifests: Manifest[] = [];
  for (const [key, { manifest, files }] of claims) {
    if (files.length === 1) {
      manifests.push(manifest);
      continue;
    }
    const old = before.manifests.find((one) => keyOf(one) === key);
    if (old !== undefined) manifests.push(old);
    const inForce = old === undefined ? "" : "; the version that was read before the second one stays in force";
    const where = [...new Set(files)].join(" and ");
    problems.push(`${key} is defined more than once, in ${where}: keep one of them${inForce}`);
  }
  return { manifests, problems };
}
