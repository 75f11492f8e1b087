import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, stat } from "node:fs/promises";
import { errorText } from "../../../api/error-code.ts";
import { manifestText } from "./text.ts";

/** Tells one state of a file from another. A rename keeps the inode, and whatever may change the content changes the stamp. */
export interface FileState {
  readonly inode: string;
  readonly stamp: string;
}

/** What was found at a path. */
export type FileReading =
  | ({ readonly found: "text"; readonly text: string } & FileState)
  /** `problem` is a clause that begins with "it". */
  | ({ readonly found: "unreadable"; readonly problem: string } & FileState)
  /** A folder behind a link, a pipe, a socket or a device: it is not opened. */
  | { readonly found: "no file"; readonly what: string }
  | { readonly found: "unchanged" }
  | { readonly found: "nothing" };

const MAX_BYTES = 2 ** 20;
/** Opening does not wait for a writer, should a pipe take the file's place right after the look at it. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

const TOO_LARGE = "it is larger than 1 MiB; no manifest is that large";

/** Reads a file of at most 1 MiB unless it is as `known`. Nothing but a regular file, or a link to one, is opened. */
export async function readManifestFile(path: string, known: FileState | undefined): Promise<FileReading> {
  let state: FileState = { inode: "", stamp: "" };
  try {
    const stats = await stat(path);
    if (!stats.isFile()) return { found: "no file", what: kindOf(stats) };
    state = stateOf(stats);
    if (state.stamp === known?.stamp) return { found: "unchanged" };
    const content = stats.size > MAX_BYTES ? TOO_LARGE : await contentOf(path);
    if (typeof content === "string") return { found: "unreadable", problem: content, ...state };
    const text = manifestText(content);
    return text.ok
      ? { found: "text", text: text.value, ...state }
      : { found: "unreadable", problem: text.error, ...state };
  } catch (error) {
    const code = errorText(error);
    if (code === "ENOENT" && !(await isLink(path))) return { found: "nothing" };
    // Without a stamp it is tried again at the next look.
    return { found: "unreadable", problem: accessProblem(code), inode: state.inode, stamp: "" };
  }
}

/** At most {@link MAX_BYTES}, or a clause on what is wrong. */
async function contentOf(path: string): Promise<Buffer | string> {
  const handle = await open(path, FLAGS);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) return `it has become ${kindOf(stats)}`;
    return (await readUpTo(handle, MAX_BYTES)) ?? TOO_LARGE;
  } finally {
    await handle.close();
  }
}

/** Undefined where there is more: a file may grow while it is read. */
async function readUpTo(handle: FileHandle, limit: number): Promise<Buffer | undefined> {
  const buffer = Buffer.allocUnsafe(limit + 1);
  let length = 0;
  while (length < buffer.length) {
    const { bytesRead } = await handle.read(buffer, { offset: length });
    if (bytesRead === 0) return buffer.subarray(0, length);
    length += bytesRead;
  }
  return undefined;
}

function stateOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): FileState {
  return { inode: `${dev} ${ino}`, stamp: `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}` };
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a link to a folder";
  if (stats.isFIFO()) return "a named pipe";
  return stats.isSocket() ? "a socket" : "a device";
}

function accessProblem(code: string): string {
  if (code === "ENOENT") return "it is a link to a file that does not exist";
  if (code === "ELOOP") return "it is a link that leads back to itself";
  return `it cannot be read (${code}): check its permissions`;
}

function isLink(path: string): Promise<boolean> {
  return lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
}
