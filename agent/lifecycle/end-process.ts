import { spawn } from "node:child_process";
import { execve } from "node:process";

/** What Node.js does in its threads, and can take for ever: operations on files, and looking for the address of a host. */
const IN_A_THREAD = /^(FSReq|FileHandleCloseReq|GetAddrInfoReq)/;

/** Whether a thread is at work. */
export function isThreadBusy(): boolean {
  return process.getActiveResourcesInfo().some((resource) => IN_A_THREAD.test(resource));
}

/**
 * Ends this process now, with this exit code. `process.exit` waits for the threads of the pool, and so for a call on a disk that hangs,
 * for minutes or for ever (libuv joins them; `process.reallyExit` is no different). Where one is under way the process becomes a shell
 * that ends at once: that takes all threads with it and keeps the exit code, which SIGKILL would not. SIGKILL is what is left where that
 * does not work within a second: a debugger may hold the threads, or no shell can be run.
 */
export function endProcess(code: number): never {
  if (!isThreadBusy()) return process.exit(code);
  // What listens for the end still hears of it: locks are released, the log is written.
  process.emit("exit", code);
  killFromOutside();
  try {
    execve?.("/bin/sh", ["sh", "-c", `exit ${code}`], {});
  } catch {
    // SIGKILL follows.
  }
  process.kill(process.pid, "SIGKILL");
  return process.exit(code);
}

/** By a child that looks whether it is still ours: once we have gone, our number may be another process's. */
function killFromOutside(): void {
  const { pid } = process;
  const script = `sleep 1; [ $(ps -o ppid= -p $$) = ${pid} ] && kill -9 ${pid}`;
  try {
    spawn("/bin/sh", ["-c", script], { stdio: "ignore", detached: true }).on("error", () => {});
  } catch {
    // Without memory for a child: what follows has to do.
  }
}

const CHECK_MS = 1000;

/**
 * For a program that has done all its work: its end waits for file operations that are under way, and one that hangs would keep it for
 * ever. What is still under way at two looks, a second apart, is not waited for.
 */
export function endInTime(): void {
  let seen = false;
  // Neither keeps the program from ending by itself.
  setInterval(() => {
    const reading = isThreadBusy();
    if (seen && reading) endProcess(Number(process.exitCode ?? 0));
    seen = reading;
  }, CHECK_MS).unref();
}
