import { endProcess } from "../../agent/lifecycle/end-process.ts";
import { type Log, type LogLevel, openLog } from "../../agent/status/log.ts";
import { DEFAULT_PORTS } from "../../api/fleet.ts";
import { CONTROLLER_LISTEN, parseListen } from "../../api/listen.ts";
import type { Result } from "../../api/result.ts";
import { parsePortRange } from "../../controller/port-range.ts";
import { runController } from "../../controller/run.ts";
import { openKubeAccess } from "../../kube/open-client.ts";
import { takeSignals } from "../signals.ts";

/** What a person typed. */
export interface ControllerFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly portRange?: string;
  readonly workers: number;
  readonly listen?: string;
  readonly leaseNamespace?: string;
  readonly leaderElection: boolean;
  readonly allowLocalSources?: true;
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}

const EXIT_FAULT = 70;
/** How long the controller waits for a terminal or pipe to take its last lines, and for what is still under way. */
const LAST_LINES_MS = 500;
const LAST_WORK_MS = 2000;

/** Runs the controller until a signal, and then ends this process. Throws one sentence where it cannot begin. */
export async function run(flags: ControllerFlags): Promise<void> {
  const ports = flags.portRange === undefined ? DEFAULT_PORTS : typed("--port-range", parsePortRange(flags.portRange));
  const listen = typed("--listen", parseListen(flags.listen ?? CONTROLLER_LISTEN));
  const log = await openLog(flags.json ? "json" : "text", flags.logLevel);
  const { signals, off } = takeSignals({ end: endProcess, say: (message) => log.logger.info(message) });
  const releaseFaults = takeFaults(log);
  try {
    const { context, namespace, workers, leaderElection } = flags;
    const kubeconfig = flags.kubeconfig ?? defaultKubeconfig(process.env);
    const access = await openKubeAccess({ kubeconfig, context, userAgent: "pulumi-llmkube-controller" });
    if (!access.ok) throw new Error(access.error);
    const done = await runController(
      {
        ...{ access: access.value, namespace, workers, listen, leaderElection },
        ports,
        // Its account may write a Lease in its own namespace only.
        leaseNamespace: (flags.leaseNamespace ?? process.env["POD_NAMESPACE"]) || undefined,
        allowLocalSources: flags.allowLocalSources === true,
      },
      log.logger,
      AbortSignal.any([signals.stop, signals.leave]),
    );
    if (!done.ok) throw new Error(done.error);
    await log.close(LAST_LINES_MS);
    process.exitCode = 0;
    setTimeout(endProcess, LAST_WORK_MS, 0).unref();
  } finally {
    off();
    releaseFaults();
  }
}

function typed<Value>(flag: string, parsed: Result<Value>): Value {
  if (!parsed.ok) throw new Error(`${flag}: ${parsed.error}`);
  return parsed.value;
}

/** In a pod its own account; elsewhere what kubectl would take, where it names one file. */
function defaultKubeconfig({ KUBERNETES_SERVICE_HOST, KUBECONFIG }: NodeJS.ProcessEnv): string | undefined {
  return KUBERNETES_SERVICE_HOST ? undefined : KUBECONFIG || undefined;
}

/** Until it is released a fault ends the process: Kubernetes starts another one, which goes on where this one was. */
function takeFaults({ logger, close }: Log): () => void {
  const onFault = async (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    logger.fatal(`the controller failed: ${message}; models run on, and the next controller continues`);
    await close(LAST_LINES_MS);
    endProcess(EXIT_FAULT);
  };
  process.on("uncaughtException", onFault);
  return () => process.off("uncaughtException", onFault);
}
