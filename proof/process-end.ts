import { setTimeout as sleep } from "node:timers/promises";
import { outputOf } from "../agent/host/command.ts";
import { MAC } from "../agent/host/darwin/mac-paths.ts";
import { isGone } from "../agent/host/is-gone.ts";

const POLL_MS = 200;

/** Whether a process ends within `patienceMs`. It may be nobody's child, or a zombie, as while its parent is stopped. */
export async function endsWithin(pid: number, patienceMs: number, signal: AbortSignal): Promise<boolean> {
  for (const deadline = Date.now() + patienceMs; ; await sleep(POLL_MS, undefined, { signal })) {
    if (isGone(pid) || (await isZombie(pid))) return true;
    if (Date.now() >= deadline) return false;
  }
}

/** Linux has its `ps` at the same place. */
async function isZombie(pid: number): Promise<boolean> {
  const printed = await outputOf(MAC.ps, ["-o", "stat=", "-p", String(pid)]);
  return printed.ok && printed.value.trim().startsWith("Z");
}
