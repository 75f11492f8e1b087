import { endProcess } from "../../agent/lifecycle/end-process.ts";
import { DEFAULT_NAMESPACE } from "../../api/constants.ts";
import { plainJson } from "../../api/plain-text.ts";
import { withProgress } from "../progress.ts";
import { type CarriedOut, carryOut, EXIT_OF } from "./carry-out.ts";
import { engineHere, good, openedStack } from "./change-stack.ts";
import { chooseTarget } from "./choose-target.ts";
import { clusterLook } from "./cluster-look.ts";
import { type Deployment, withDeployment } from "./deployment.ts";
import { emitted } from "./emit/emit.ts";
import { stackOf, stateOf } from "./engine.ts";
import { EXIT } from "./exit-codes.ts";
import type { DeployFlags } from "./flags.ts";
import { type Interrupts, takeInterrupts } from "./interrupts.ts";
import { endpointOf, placed } from "./placement.ts";
import { withPolicies } from "./policy-options.ts";
import { stackProgram } from "./program.ts";
import { type Report, reportOf } from "./report.ts";
import { judge, type Request } from "./request.ts";
import { agentCommandFor } from "./start-agent.ts";
import { type Target, targetText } from "./target.ts";
import { type Voice, voiceOf } from "./voice.ts";
import { localLook, type Waited, waitForReady } from "./wait.ts";

const LOOK_MS = 500;

/** `pulumi-llmkube deploy NAME`; sets the exit code. Throws one sentence where it cannot begin. */
export async function run(name: string, flags: DeployFlags): Promise<void> {
  const voice = voiceOf(flags);
  const judged = judge(name, flags);
  if (!judged.ok) {
    for (const problem of judged.problems) voice.warn(problem);
    process.exitCode = EXIT.badInput;
    return;
  }
  const { request } = judged;
  const target = good(await chooseTarget(flags, process.env));
  if (request.emit !== undefined) {
    const { text, note } = await emitted(request.emit, request.deployment, target);
    if (note !== undefined) voice.warn(note);
    console.log(text.trimEnd());
    return;
  }
  const interrupts = takeInterrupts({ say: voice.warn, end: endProcess });
  try {
    await deploy(request, target, flags, interrupts, voice);
  } finally {
    interrupts.off();
  }
}

async function deploy(
  { deployment: wanted, hostMemory, timeoutMs }: Request,
  target: Target,
  flags: DeployFlags,
  interrupts: Interrupts,
  voice: Voice,
): Promise<void> {
  const engine = await engineHere();
  const stackName = stackOf(target, process.env);
  const state = good(await withProgress("reading what is deployed", stateOf(engine, stackName)));
  const deployment = placed(wanted, state.deployments, target, process.platform);
  const program = stackProgram(target, withDeployment(state.deployments, deployment));
  const stack = good(await openedStack(engine, stackName, program));
  voice.say(`${wanted.name} to ${targetText(target)} (stack ${stackName})`);
  const done = await withPolicies(hostMemory, (policies) =>
    carryOut(
      {
        preview: (options) => stack.preview({ ...options, ...policies }),
        apply: (options) => stack.up({ ...options, ...policies }),
        unlock: () => stack.cancel(),
        question: `Deploy ${wanted.name}?`,
      },
      { previewOnly: flags.preview === true, agreed: flags.yes === true },
      interrupts,
      voice,
    ),
  );
  for (const problem of done.problems) voice.warn(problem);
  process.exitCode = EXIT_OF[done.status];
  const report = reportOf(wanted.name, target, stackName, done);
  const up = done.status === "applied" || done.status === "unchanged";
  const last = up ? await broughtUp({ deployment, target, done, timeoutMs }, flags, interrupts, voice, report) : report;
  if (flags.json) console.log(plainJson(last));
}

interface Up {
  readonly deployment: Deployment;
  readonly target: Target;
  readonly done: CarriedOut;
  readonly timeoutMs: number;
}

/** After the manifests are there: what a person does next, or the wait until the model is Ready. */
async function broughtUp(
  up: Up,
  flags: DeployFlags,
  interrupts: Interrupts,
  voice: Voice,
  report: Report,
): Promise<Report> {
  const { deployment, target, done } = up;
  if (done.status === "unchanged") voice.say("  unchanged");
  const endpoint = endpointOf(deployment);
  if (!flags.wait) {
    if (target.kind === "manifests")
      voice.say(`served at ${endpoint} by the agent of that folder (${agentCommandFor(target.folder)})`);
    return { ...report, ...(endpoint !== undefined && { endpoint }) };
  }
  const waited = await awaited(up, flags.state, interrupts.signal, voice);
  if (waited.is === "ready") {
    const served = waited.endpoint ?? endpoint;
    voice.say(`ready${served === undefined ? "" : ` at ${served}`}`);
    return { ...report, ...(served !== undefined && { endpoint: served }) };
  }
  const problem = waited.is === "interrupted" ? "no longer waiting; the deployment stays" : waited.problem;
  voice.warn(problem);
  process.exitCode = waited.is === "interrupted" ? EXIT.interrupted : EXIT.failed;
  return { ...report, status: waited.is === "interrupted" ? "interrupted" : "not-ready", problems: [problem] };
}

async function awaited(
  { deployment, target, done, timeoutMs }: Up,
  state: string | undefined,
  signal: AbortSignal,
  voice: Voice,
): Promise<Waited> {
  const { name, args } = deployment;
  const { namespace = DEFAULT_NAMESPACE } = args;
  const waiting = { timeoutMs, everyMs: LOOK_MS, signal, say: voice.say, clock: () => performance.now() };
  if (target.kind === "manifests") {
    const changedAt = done.status === "applied" ? Date.now() : undefined;
    return waitForReady({ ...waiting, look: localLook(target.folder, `${namespace}/${name}`, state, changedAt) });
  }
  const { look, close } = await clusterLook(target, { namespace, name });
  return waitForReady({ ...waiting, look }).finally(close);
}
