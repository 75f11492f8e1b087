import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { ClaimedProcess } from "./claim.ts";
import { type ClaimFile, readClaims } from "./folder.ts";
import type { Processes } from "./processes.ts";
import { type Behind, type OtherAgent, type Self, standingOf } from "./standing.ts";

/** Whose claims are not those of others. */
export interface Own extends Self {
  readonly folder: string;
  /** Of this user and state folder. */
  readonly key: string;
  readonly fileName: string;
}

/** All that the claims folder says about other agents. */
export interface View {
  readonly others: readonly OtherAgent[];
  /** Why nothing may start; undefined where all claims are understood. */
  readonly unknown: string | undefined;
  /** Sentences about files that a person should look at. */
  readonly problems: readonly string[];
  /** Whether our own claim is there. */
  readonly present: boolean;
  /** Claims that an earlier agent of the same state folder has left, with what it was granted for servers that still run. */
  readonly left: readonly { readonly path: string; readonly grantedBytes: number }[];
}

export const NOTHING_SEEN: View = { others: [], unknown: undefined, problems: [], present: false, left: [] };

/** Reads all claims, and removes those of this user that nobody stands behind. Throws if the folder cannot be read. */
export async function look(own: Own, processes: Processes): Promise<View> {
  const { files, unfinished, overfull } = await readClaims(own.folder);
  const isOurs = ({ key, uid }: ClaimFile) => key === own.key && uid === own.uid;
  const others: OtherAgent[] = [];
  const left: View["left"][number][] = [];
  const unknown: string[] = [];
  const problems: string[] = [];
  for (const file of files.filter(({ fileName }) => fileName !== own.fileName)) {
    const standing = standingOf(file, await behind(file, own, processes), own);
    const other = standing.kind === "holds" ? standing.other : undefined;
    if (isOurs(file)) left.push({ path: file.path, grantedBytes: other?.hold.grantedBytes ?? 0 });
    else if (standing.kind === "holds") others.push(standing.other);
    else if (standing.kind === "unknown") unknown.push(standing.sentence);
    else if (standing.sentence !== undefined) problems.push(standing.sentence);
    else if (file.uid === own.uid) await rm(file.path, { force: true });
  }
  const older = unfinished.filter((name) => name.startsWith(own.key) && !name.startsWith(own.fileName));
  for (const name of older) await rm(join(own.folder, name), { force: true });
  if (overfull) unknown.push(overfullSentence(own.folder, files));
  return {
    others,
    unknown: unknown[0],
    problems,
    present: files.some(({ fileName }) => fileName === own.fileName),
    left,
  };
}

async function behind(file: ClaimFile, { bootId }: Self, processes: Processes): Promise<Behind> {
  const { claim, pid, uid } = file;
  const none = { agent: false, servers: [], stranger: false };
  if (claim !== undefined && claim.bootId !== bootId) return none;
  let stranger = false;
  const isTheirs = async (process: ClaimedProcess) => {
    if (!(await processes.alive(process))) return false;
    if (await processes.belongsTo(process.pid, uid)) return true;
    stranger = true;
    return false;
  };
  if (await isTheirs(claim?.pid === pid ? claim : { pid })) return { ...none, agent: true };
  const servers: ClaimedProcess[] = [];
  for (const server of claim?.servers ?? []) if (await isTheirs(server)) servers.push(server);
  return { agent: false, servers, stranger };
}

function overfullSentence(folder: string, files: readonly ClaimFile[]): string {
  const owners = [...new Set(files.map(({ uid }) => uid))].join(", ");
  return `${folder} holds more files than agents could need (of user ids ${owners}): remove those that no agent has written`;
}
