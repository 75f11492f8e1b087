import { errorCode } from "../../api/error-code.ts";

/** Whether the kernel knows no process of this pid. One that has exited, and whose parent has not asked how, still counts. */
export function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return errorCode(error) === "ESRCH";
  }
}
