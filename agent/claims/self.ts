import { createHash, randomBytes } from "node:crypto";
import { realpath } from "node:fs/promises";
import { userInfo } from "node:os";
import { claimFileName } from "./claim.ts";
import type { Own } from "./look.ts";

/** Who this agent is among those of the machine. */
export async function selfOf(folder: string, stateDirectory: string, bootId: string): Promise<Own> {
  const uid = process.getuid?.() ?? 0;
  const state = await realpath(stateDirectory).catch(() => stateDirectory);
  const key = createHash("sha256").update(`${uid} ${state}`).digest("hex").slice(0, 16);
  const fileName = claimFileName({ key, pid: process.pid }, randomBytes(4).toString("hex"));
  return { folder, key, fileName, uid, user: userName(uid), bootId };
}

/** The id where the system knows no name. */
function userName(uid: number): string {
  try {
    return (
      userInfo()
        .username.replace(/[^\w.@-]/g, "_")
        .slice(0, 64) || String(uid)
    );
  } catch {
    return String(uid);
  }
}
