import * as z from "zod";
import { askLocal } from "./local-request.ts";
import type { Expected } from "./probe.ts";

/** One of the places in which a server keeps a conversation, and the file that it is saved to, without its folder. */
export interface SlotFile {
  readonly slot: number;
  readonly name: string;
}

/**
 * - `done`: what the server says of it.
 * - `refused`: it answered with an error.
 * - `garbled`: it said that it was done, and not what.
 * - `silent`: no answer in time: it hangs, or is gone.
 */
export type SlotAnswer =
  | { readonly kind: "done"; readonly tokens: number; readonly bytes: number }
  | { readonly kind: "refused" | "garbled" | "silent" };

type Server = Pick<Expected, "host" | "port" | "apiKey">;

const count = z.int().min(0);
const savedSchema = z.object({ n_saved: count, n_written: count });
const restoredSchema = z.object({ n_restored: count, n_read: count });

export async function saveSlot(server: Server, file: SlotFile, timeoutMs: number): Promise<SlotAnswer> {
  return act(server, file, "save", timeoutMs, (answer) => {
    const { n_saved: tokens, n_written: bytes } = savedSchema.parse(answer);
    return { tokens, bytes };
  });
}

export async function restoreSlot(server: Server, file: SlotFile, timeoutMs: number): Promise<SlotAnswer> {
  return act(server, file, "restore", timeoutMs, (answer) => {
    const { n_restored: tokens, n_read: bytes } = restoredSchema.parse(answer);
    return { tokens, bytes };
  });
}

/** Whether the slot is empty now. */
export async function eraseSlot(server: Server, slot: number, timeoutMs: number): Promise<boolean> {
  const { kind } = await act(server, { slot, name: "none" }, "erase", timeoutMs, () => ({ tokens: 0, bytes: 0 }));
  return kind === "done";
}

async function act(
  { host, port, apiKey }: Server,
  { slot, name }: SlotFile,
  action: "save" | "restore" | "erase",
  timeoutMs: number,
  read: (answer: unknown) => { readonly tokens: number; readonly bytes: number },
): Promise<SlotAnswer> {
  const path = `/slots/${slot}?action=${action}`;
  const answer = await askLocal({ host, port, path, body: { filename: name }, token: apiKey, timeoutMs }).catch(
    () => undefined,
  );
  if (answer === undefined) return { kind: "silent" };
  if (answer.status !== 200) return { kind: "refused" };
  try {
    return { kind: "done", ...read(JSON.parse(answer.text)) };
  } catch {
    return { kind: "garbled" };
  }
}
