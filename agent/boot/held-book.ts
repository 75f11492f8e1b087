import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";
import {
  type HeldFile,
  isRemoved,
  readAllHeld,
  removeHeld,
  unreadableFolder,
  unwritableHeld,
  writeHeld,
} from "./held-file.ts";

/** What is held back, in memory and on the disk. A file that somebody has removed is a person's word. */
export interface HeldBook {
  readonly all: () => readonly Noted[];
  /** Undefined if nothing is noted of it. */
  readonly of: (id: WorkloadId) => Noted | undefined;
  readonly keep: (held: HeldFile) => void;
  readonly release: (fileName: string) => void;
  readonly isRemoved: (noted: Noted) => boolean;
  /** Why notes cannot be written, as sentences. */
  readonly problems: () => readonly string[];
}

export interface Noted {
  readonly fileName: string;
  /** Undefined if its file is damaged, or of another version. */
  readonly held: HeldFile | undefined;
  /** Whether it is on the disk. */
  readonly written: boolean;
}

export function openHeldBook(stateDirectory: string): HeldBook {
  const notes = new Map<string, Noted>();
  let problem: string | undefined;
  try {
    for (const { fileName, held } of readAllHeld(stateDirectory))
      notes.set(fileName, { fileName, held, written: true });
  } catch (error) {
    problem = unreadableFolder(stateDirectory, error);
  }
  const written = (held: HeldFile) => {
    try {
      writeHeld(stateDirectory, held);
      problem = undefined;
      return true;
    } catch (error) {
      problem = unwritableHeld(stateDirectory, error);
      return false;
    }
  };
  return {
    all: () => [...notes.values()],
    of: (id) => notes.get(fileNameOf(id)),
    keep: (held) => {
      const fileName = fileNameOf(held.id);
      notes.set(fileName, { fileName, held, written: written(held) });
    },
    release: (fileName) => {
      notes.delete(fileName);
      try {
        removeHeld(stateDirectory, fileName);
      } catch (error) {
        problem = unwritableHeld(stateDirectory, error);
      }
    },
    isRemoved: ({ fileName, written: onDisk }) => onDisk && isRemoved(stateDirectory, fileName),
    problems: () => (problem === undefined ? [] : [problem]),
  };
}
