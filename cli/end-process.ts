/** What Node.js does in its threads, and can take for ever: operations on files, and looking for the address of a host. */
const IN_A_THREAD = /^(FSReq|FileHandleCloseReq|GetAddrInfoReq)/;

/**
 * Ends this process at once, and runs what waits for its exit. `process.exit` waits for every thread, so for ever where one hangs in an operation on a file: then
 * another program takes the place of this one, and ends.
 */
export function endProcess(exitCode: number): void {
  const hung = process.getActiveResourcesInfo().some((name) => IN_A_THREAD.test(name));
  if (!hung || process.execve === undefined) process.exit(exitCode);
  process.emit("exit", exitCode);
  process.execve("/bin/sh", ["sh", "-c", `exit ${exitCode}`], {});
}
