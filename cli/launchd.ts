import { build } from "plist";
import { DEFAULT_GRACE_PERIOD_MS } from "../agent/workload/workload.ts";
import { OWN_LOG } from "./own-log.ts";

/** The label for launchctl, and the name of the plist file. */
export const LABEL = "dev.llmkube.pulumi-llmkube.agent";

export interface Daemon {
  /** Absolute paths, because launchd does not have the user's PATH. */
  readonly command: readonly string[];
  /** The user that it runs as, and the home folder of that user. */
  readonly user: string;
  readonly home: string;
  /** Without secrets: every user can read the file. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Between two starts of an agent that exits at once. */
const THROTTLE_SECONDS = 10;
/** Added to the grace period of the servers. */
const MARGIN_SECONDS = 20;
/** How long launchd waits for the agent to drain its servers, before it kills it. */
export const EXIT_SECONDS = DEFAULT_GRACE_PERIOD_MS / 1000 + MARGIN_SECONDS;

/** Where launchd appends what the agent prints. The agent keeps it small (`cli/own-log.ts`). */
export function logOf(home: string): string {
  return `${home}/Library/Logs/pulumi-llmkube-agent.log`;
}

/**
 * A LaunchDaemon: the traffic of a LaunchAgent can fail silently behind Local Network privacy. ProcessType is Interactive, since
 * Metal is some eight times slower in the background. launchd starts it again unless it exited with 0
 * (docs/background/apple-memory.md, "launchd").
 */
export function daemonPlist({ command, user, home, environment }: Daemon): string {
  const log = logOf(home);
  return `${build({
    Label: LABEL,
    ProgramArguments: [...command],
    UserName: user,
    EnvironmentVariables: { ...environment, HOME: home, [OWN_LOG]: log },
    WorkingDirectory: home,
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: THROTTLE_SECONDS,
    ExitTimeOut: EXIT_SECONDS,
    ProcessType: "Interactive",
    AbandonProcessGroup: false,
    StandardOutPath: log,
    StandardErrorPath: log,
  })}\n`;
}

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
