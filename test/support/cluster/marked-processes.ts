import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Pids of the processes of this machine whose environment holds a text, such as the folder of one stand-in Mac. Whatever such a Mac starts
 * inherits it, so that nothing of it is missed, however it was started. Linux only.
 */
export function markedWith(marker: string): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && environmentOf(entry).includes(marker))
    .map(Number);
}

/** Kills them all at once, and whatever they started meanwhile; resolves when none is left. */
export async function killMarked(marker: string): Promise<void> {
  for (;;) {
    const pids = markedWith(marker);
    if (pids.length === 0) return;
    signalAll(pids);
    await sleep(20);
  }
}

/** The same in one go, for the end of this process. */
export function killMarkedNow(marker: string): void {
  signalAll(markedWith(marker));
}

function signalAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It has ended meanwhile.
    }
  }
}

/** Empty for a process that has ended, which a zombie has too. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1");
  } catch {
    return "";
  }
}
