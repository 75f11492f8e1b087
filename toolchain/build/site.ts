import { execa } from "execa";
import { ToolchainError } from "../errors.ts";

/** The folders of one build, and how it is watched and stopped. */
export interface Site {
  /** Name of what is built, for messages. */
  entry: string;
  /** Becomes the cache entry when the build succeeds. */
  output: string;
  /** Removed after the build, whatever its outcome; also TMPDIR of every command. */
  scratch: string;
  /** Receives the output of all commands; kept when the build fails. */
  log: string;
  signal: AbortSignal;
  /** Called with each line that a command prints. */
  progress: (line: string) => void;
}

/**
 * Runs one command of a build in its own process group. An abort, or the end of this process, kills the whole group, so
 * that no compiler outlives the build.
 */
export async function run(
  site: Site,
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<void> {
  const recent: string[] = [];
  const note = function* (chunk: unknown) {
    const line = String(chunk).trim();
    if (line !== "") {
      recent.push(line);
      recent.splice(0, recent.length - 3);
      site.progress(line);
    }
    yield chunk;
  };
  const log = { file: site.log, append: true } as const;
  const result = await execa(command, args, {
    cwd: options.cwd ?? site.scratch,
    env: { ...options.env, TMPDIR: site.scratch },
    stdin: "ignore",
    stdout: [note, log],
    stderr: [note, log],
    buffer: false,
    reject: false,
    killDescendants: true,
    cancelSignal: site.signal,
  });
  site.signal.throwIfAborted();
  if (result.failed) {
    const how =
      result.exitCode === undefined ? (result.originalMessage ?? result.signal) : `exit code ${result.exitCode}`;
    const what = [command, ...args.slice(0, 1)].join(" ");
    const words = recent.length > 0 ? `: ${recent.join(" / ")}` : "";
    throw new ToolchainError(
      `Building ${site.entry} failed in \`${what}\` (${how})${words}; the full output is in ${site.log}.`,
    );
  }
}
