import { build } from "plist";
import { OWN_LOG } from "./names.ts";

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

/** The longest time that a server gets to end: the grace period of a model's pod. */
const GRACE_SECONDS = 30;
const MARGIN_SECONDS = 20;
/** How long launchd waits for the agent to drain its servers, before it kills it. */
export const EXIT_SECONDS = GRACE_SECONDS + MARGIN_SECONDS;

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
