import { build } from "plist";
import { DEFAULT_GRACE_PERIOD_MS } from "../agent/workload/workload.ts";

/** The label for launchctl, and the name of the plist file. */
export const LABEL = "dev.llmkube.pulumi-llmkube.agent";

export interface Daemon {
  /** Absolute paths, because launchd does not have the user's PATH. */
  readonly command: readonly string[];
  /** The user that it runs as, and the home folder of that user. */
  readonly user: string;
  readonly home: string;
}

/** Between two starts of an agent that exits at once. */
const THROTTLE_SECONDS = 10;
/** Added to the grace period of the servers. */
const MARGIN_SECONDS = 20;

/**
 * A LaunchDaemon: the traffic of a LaunchAgent can fail silently behind Local Network privacy. ProcessType is Interactive, since
 * Metal is some eight times slower in the background. launchd starts it again unless it exited with 0
 * (docs/background/apple-memory.md, "launchd").
 */
export function daemonPlist({ command, user, home }: Daemon): string {
  const log = `${home}/Library/Logs/pulumi-llmkube-agent.log`;
  return `${build({
    Label: LABEL,
    ProgramArguments: [...command],
    UserName: user,
    EnvironmentVariables: { HOME: home },
    WorkingDirectory: home,
    RunAtLoad: true,
    KeepAlive: { SuccessfulExit: false },
    ThrottleInterval: THROTTLE_SECONDS,
    ExitTimeOut: DEFAULT_GRACE_PERIOD_MS / 1000 + MARGIN_SECONDS,
    ProcessType: "Interactive",
    AbandonProcessGroup: false,
    StandardOutPath: log,
    StandardErrorPath: log,
  })}\n`;
}
