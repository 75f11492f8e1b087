import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type SavedFile, slotsToSave, withRestored } from "../decisions/saved-slots.ts";
import { slotsOf } from "../llama-server/probe.ts";
import { saveSlot } from "../llama-server/slot-actions.ts";
import { bytesOf, emptyFolder, makeFile, settledFile, writeSaved } from "./slot-folder.ts";
import type { Discard, SlotWork } from "./slot-work.ts";

/** Makes what was saved count, and gives its bytes; 0: there is nothing. */
export type Commit = () => Promise<number>;

export interface Saving {
  /** Bytes of the cache for each token. */
  readonly tokenBytes: number;
  /** Takes the place of all that was reserved before. Why there is no room; undefined: there is. */
  readonly reserve: (bytes: number) => Promise<Discard | undefined>;
  /** Takes what is left to be done when the server need not be waited for any more. */
  readonly commit: (commit: Commit) => void;
}

/** Asks for each conversation that is worth it, and counts what becomes of it. Rejects where the folder cannot be used. */
export async function saveTo(work: SlotWork, { tokenBytes, reserve, commit }: Saving): Promise<void> {
  const { server, left, isLate, count } = work;
  const { folder, digest } = server.slots;
  const shown = await slotsOf(server.expected);
  if (shown === "silent" || shown === undefined || isLate()) return count("SaveFailed");
  const slots = slotsToSave(withRestored(shown, server.restored));
  // What was saved before is of an earlier conversation.
  await emptyFolder(folder);
  const files: Omit<SavedFile, "writtenAt">[] = [];
  for (const { id: slot, cachedTokens = 0 } of slots) {
    const before = files.reduce((sum, file) => sum + file.bytes, 0);
    const refused = await reserve(before + cachedTokens * tokenBytes);
    if (refused !== undefined) {
      count(refused);
      continue;
    }
    if (isLate()) {
      count("SaveFailed");
      break;
    }
    const file = { slot, name: `${digest}-${slot}.slot` };
    await makeFile(folder, file.name);
    const answer = await saveSlot(server.expected, file, left());
    const bytes = await bytesOf(folder, file.name);
    const isWhole = answer.kind === "done" && answer.bytes === bytes && answer.tokens > 0;
    const full = isWhole ? await reserve(before + bytes) : "SaveFailed";
    if (isWhole && full === undefined) files.push({ ...file, tokens: answer.tokens, bytes });
    else {
      count(full ?? "SaveFailed");
      await rm(join(folder, file.name), { force: true });
    }
    if (answer.kind === "silent") break;
  }
  commit(() => committed(work, files));
}

/** The side-file comes after all that it names is on the disk: after a loss of power, too, it names nothing else. */
async function committed(
  { server: { slots }, tally }: SlotWork,
  written: readonly Omit<SavedFile, "writtenAt">[],
): Promise<number> {
  const { folder, digest } = slots;
  const files: SavedFile[] = [];
  for (const file of written) {
    const found = await settledFile(folder, file.name);
    if (found?.bytes === file.bytes) files.push({ ...file, writtenAt: found.writtenAt });
  }
  if (files.length === 0) return 0;
  await writeSaved(folder, { digest, savedAt: Date.now(), files });
  tally("saves", files.length);
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}
