import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import { errorCode, errorText } from "../../api/error-code.ts";
import { heldBackFolder } from "../state/layout.ts";
import { fileNameOf, type WorkloadId, workloadId } from "../workload/workload-id.ts";
import type { Cause, RanBefore } from "./verdict.ts";

/** Version of the format. */
const VERSION = 1;

const time = z.int().min(0);

const heldSchema = z.object({
  version: z.literal(VERSION),
  id: z.string().transform(workloadId),
  name: z.string(),
  wanted: z.string(),
  ran: z.object({
    bootId: z.string(),
    pid: z.int().min(2).optional(),
    startedAt: time.optional(),
    until: time,
  }),
  open: z.boolean(),
  cause: z
    .looseObject({ kind: z.enum(["panic", "jetsam"]), at: time, report: z.string(), reason: z.string().optional() })
    .optional(),
});

/** A model of which a record says that it ran. */
export interface Ran {
  readonly id: WorkloadId;
  readonly name: string;
  /** Digest of its desired state (`digestOfRun`). */
  readonly wanted: string;
  readonly ran: RanBefore;
}

/** What is known of one model that may have to stay down. It survives the agent and the boot. */
export interface HeldFile extends Ran {
  /** Whether the reports still have to be looked at. */
  readonly open: boolean;
  readonly cause?: Cause | undefined;
}

/** A file as it was found; `held` is undefined if it is damaged, or of another version. */
export interface FoundHeld {
  readonly fileName: string;
  readonly path: string;
  readonly held: HeldFile | undefined;
}

export function heldPath(stateDirectory: string, fileName: string): string {
  return join(heldBackFolder(stateDirectory), `${fileName}.json`);
}

/** Writes it atomically, through to the disk. Throws if the folder cannot be written. */
export function writeHeld(stateDirectory: string, held: HeldFile): void {
  mkdirSync(heldBackFolder(stateDirectory), { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify({ version: VERSION, ...held })}\n`;
  writeFileAtomic.sync(heldPath(stateDirectory, fileNameOf(held.id)), text, { mode: 0o600 });
}

export function removeHeld(stateDirectory: string, fileName: string): void {
  rmSync(heldPath(stateDirectory, fileName), { force: true });
}

/** Whether somebody has removed the file. False where that cannot be told. */
export function isRemoved(stateDirectory: string, fileName: string): boolean {
  try {
    return statSync(heldPath(stateDirectory, fileName), { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

/** All files of the folder; none where there is no folder. Throws if it cannot be read. */
export function readAllHeld(stateDirectory: string): readonly FoundHeld[] {
  const folder = heldBackFolder(stateDirectory);
  return namesIn(folder).map((name) => {
    const path = join(folder, name);
    return { fileName: name.slice(0, -".json".length), path, held: parsed(path) };
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith(".json"));
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

function parsed(path: string): HeldFile | undefined {
  try {
    return heldSchema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

/** A sentence for a file of {@link FoundHeld} that says nothing. Unknown is held back: it may have taken the machine down. */
export function unreadableHeld({ path }: Pick<FoundHeld, "path">): string {
  return `it is held back, and the reason in ${path} cannot be read: look at that file, and remove it to let the model start`;
}

/** Where one could not be written, as a sentence. */
export function unwritableHeld(stateDirectory: string, error: unknown): string {
  return `the agent cannot write to ${heldBackFolder(stateDirectory)} which models are held back (${errorText(error)}): check its disk and permissions`;
}

/** Where the notes of earlier agents cannot be read, as a sentence. */
export function unreadableFolder(stateDirectory: string, error: unknown): string {
  return `the agent cannot read from ${heldBackFolder(stateDirectory)} which models are held back (${errorText(error)}): they start by themselves`;
}
