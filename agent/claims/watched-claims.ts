import { stat } from "node:fs/promises";
import { errorCode } from "../../api/error-code.ts";
import { look, NOTHING_SEEN, type Own, type View } from "./look.ts";
import type { Processes } from "./processes.ts";

/** The claims of the other agents, as of the last look. */
export interface WatchedClaims {
  readonly view: () => View;
  /** Whether there was a look at all. */
  readonly looked: () => boolean;
  /** Looks if the folder changed, or if the last look is old. Throws if it cannot be read. */
  lookIfDue(): Promise<void>;
  look(): Promise<void>;
}

/** How often the claims are read although the folder did not change: an agent that died leaves its claim. */
const LOOK_MS = 5000;

/** @param onLook called after each look */
export function watchedClaims(
  own: Own,
  processes: Processes,
  clock: () => number,
  onLook: (view: View) => void,
): WatchedClaims {
  let view = NOTHING_SEEN;
  let seen: { readonly at: number; readonly folderTime: number } | undefined;
  const lookAt = async (folderTime: number) => {
    const at = clock();
    view = await look(own, processes);
    seen = { at, folderTime };
    onLook(view);
  };
  return {
    view: () => view,
    looked: () => seen !== undefined,
    lookIfDue: async () => {
      const folderTime = await changeTimeOf(own.folder);
      if (seen === undefined || clock() - seen.at >= LOOK_MS || folderTime !== seen.folderTime)
        await lookAt(folderTime);
    },
    look: async () => lookAt(await changeTimeOf(own.folder)),
  };
}

/** When a file was last added to the folder or removed from it; 0 for a folder that does not exist. */
async function changeTimeOf(folder: string): Promise<number> {
  try {
    return (await stat(folder)).mtimeMs;
  } catch (error) {
    if (errorCode(error) === "ENOENT") return 0;
    throw error;
  }
}
