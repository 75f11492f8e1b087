import type { State } from "../status/status.ts";
import type { Noted } from "./held-book.ts";
import { heldPath, unreadableHeld } from "./held-file.ts";
import { heldMessage, heldReason } from "./verdict.ts";

/** Why a model does not start now, for its status. */
export interface Hold {
  /** Pending while the reports of this Mac are still looked for. */
  readonly state: Extract<State, "HeldBack" | "Pending">;
  readonly reason?: string;
  readonly message: string;
}

/**
 * What a note says in the boot `bootId`; undefined if it holds nothing back: what macOS did to it in this boot counts after the next one.
 * What cannot be read holds back, because it may have taken the machine down. Pure.
 */
export function holdOf({ fileName, held }: Noted, bootId: string, stateDirectory: string): Hold | undefined {
  if (held === undefined) {
    const message = unreadableHeld({ path: heldPath(stateDirectory, fileName) });
    return { state: "HeldBack", reason: "Unreadable", message };
  }
  const { name, ran, open, cause } = held;
  if (ran.bootId === bootId) return undefined;
  if (open) return { state: "Pending", message: "it ran when this machine went down: looking for a report of a panic" };
  return cause && { state: "HeldBack", reason: heldReason(cause), message: heldMessage(name, cause) };
}
