import { build } from "plist";
import { DEFAULT_GRACE_PERIOD_MS } from "../agent/workload/workload.ts";

/** Its name for launchctl, and of its file. */
export const LABEL = "dev.llmkube.pulumi-llmkube.agent";

export interface Daemon {
  /** Absolute paths: launchd has no PATH of the user's. */
  readonly command: readonly string[];
  /** Who it runs as, and that user's home. */
  readonly user: string;
  readonly home: string;
}

/** Between two starts of an agent that ends at once. */
const THROTTLE_SECONDS = 10;
/** Beyond the time that servers are given to end. */
const MARGIN_SECONDS = 20;

/**
 * A LaunchDaemon, since a LaunchAgent's traffic can fail silently behind Local Network privacy; not in the background, where
 * Metal is some eight times slower; started again unless it was stopped (docs/background/apple-memory.md, "launchd").
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
