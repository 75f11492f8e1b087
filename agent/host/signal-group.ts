import { errorCode } from "../../api/error-code.ts";

/** Signals the process group that `pid` leads, or `pid` alone if it leads none. A process that is gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (!trySignal(-pid, signal)) trySignal(pid, signal);
}

/**
 * Kills what is left of a group whose leader has ended. The pid of the leader may belong to another process by now, the number of the group
 * does not while somebody is in it.
 */
export function killRest(pid: number): void {
  trySignal(-pid, "SIGKILL");
}

/** Returns false if the target is gone. macOS reports EPERM, not ESRCH, for a group of which only a zombie is left. */
function trySignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(target, signal);
  } catch (error) {
    if (["ESRCH", "EPERM"].includes(errorCode(error) ?? "")) return false;
    throw error;
  }
}
