import { type Restored, type SavedFile, whyDiscarded } from "../decisions/saved-slots.ts";
import { eraseSlot, restoreSlot } from "../llama-server/slot-actions.ts";
import { emptyFolder, filesIn, takeSaved } from "./slot-folder.ts";
import type { SlotWork } from "./slot-work.ts";

/** How far it has come; whoever stops waiting needs to know whether the server was asked for anything. */
export interface Progress {
  asked: boolean;
}

const NOTHING: Restored = new Map();

/**
 * Gives a server what was saved of its model, if anything was, and removes that. `lost`: the server hangs, or is gone, or holds what nobody
 * knows.
 */
export async function restoreFrom(work: SlotWork, progress: Progress): Promise<Restored | "lost"> {
  const { server, count } = work;
  const { folder, digest } = server.slots;
  // From here on nobody finds it again: a file that ends its server ends it once.
  const saved = await takeSaved(folder);
  if (saved === undefined) return NOTHING;
  try {
    if (saved === "damaged") {
      count("Damaged");
      return NOTHING;
    }
    const names = saved.files.map(({ name }) => name);
    const why = whyDiscarded(saved, digest, await filesIn(folder, names));
    if (why === undefined) return await allRestored(work, saved.files, progress);
    count(why);
    return NOTHING;
  } finally {
    await emptyFolder(folder);
  }
}

async function allRestored(
  work: SlotWork,
  files: readonly SavedFile[],
  progress: Progress,
): Promise<Restored | "lost"> {
  const given = new Map<number, number>();
  for (const file of files) {
    // Requests go to it by now.
    if (work.isLate()) return given;
    progress.asked = true;
    const became = await restored(work, file);
    if (became === "lost") return "lost";
    if (became === "given") given.set(file.slot, file.tokens);
  }
  return given;
}

/** What the server says it has must be what was saved. Of anything else nothing stays in the slot. */
async function restored(
  { server: { expected }, count, tally, left }: SlotWork,
  file: SavedFile,
): Promise<"given" | "empty" | "lost"> {
  const answer = await restoreSlot(expected, file, left());
  if (answer.kind === "done" && answer.tokens === file.tokens && answer.bytes === file.bytes) {
    tally("restores", 1);
    tally("restoredTokens", file.tokens);
    return "given";
  }
  if (answer.kind === "silent") {
    count("Lost");
    return "lost";
  }
  count(answer.kind === "refused" ? "Refused" : "Mismatch");
  return (await eraseSlot(expected, file.slot, left())) ? "empty" : "lost";
}
