import { readFile } from "node:fs/promises";
import { errorCode } from "../../api/error-code.ts";
import { outputOf } from "../host/command.ts";
import { MAC } from "../host/darwin/mac-paths.ts";

/**
 * Whether a process runs. One that has exited, and whose parent never asks how, does not: it keeps its pid for as long as the parent
 * lives, which for the first process of many containers is for ever.
 */
export async function isRunning(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== "EPERM") return false;
  }
  return !isZombie(await stateOf(pid));
}

/** As `ps -o stat=` prints it; empty if it cannot be read, which proves nothing. */
async function stateOf(pid: number): Promise<string> {
  if (process.platform !== "linux") {
    const printed = await outputOf(MAC.ps, ["-o", "stat=", "-p", String(pid)]);
    return printed.ok ? printed.value.trim() : "";
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2);
}

function isZombie(state: string): boolean {
  return state.startsWith("Z") || state.startsWith("X");
}
