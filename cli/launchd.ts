/** What launchd knows of a job. */
export type Job =
  | { readonly state: "gone" }
  | { readonly state: "running"; readonly pid: number }
  /** It is loaded and does not run; `lastExit` in launchd's words, such as `2` or `(never exited)`. */
  | { readonly state: "idle"; readonly lastExit: string | undefined };

/** Output of `launchctl print system/LABEL`. Only lines with one tab are of the job itself; its endpoints have states too. */
export function parseJob(printed: string): Job {
  const pid = /^\tpid = (\d+)$/m.exec(printed)?.[1];
  if (pid !== undefined && /^\tstate = running$/m.test(printed)) return { state: "running", pid: Number(pid) };
  const signal = /^\tlast terminating signal = (.+)$/m.exec(printed)?.[1];
  const code = /^\tlast exit (?:code|reason) = (.+)$/m.exec(printed)?.[1];
  return { state: "idle", lastExit: signal ?? code };
}
