import { endProcess } from "../../agent/lifecycle/end-process.ts";
import type { Result } from "../../api/result.ts";
import { withProgress } from "../progress.ts";
import { type CarriedOut, carryOut, EXIT_OF } from "./carry-out.ts";
import { chooseTarget } from "./choose-target.ts";
import { withDeployment } from "./deployment.ts";
import { type Engine, messageOf, openEngine, openStack, stackOf, stateOf } from "./engine.ts";
import { EXIT } from "./exit-codes.ts";
import { failureText } from "./failures.ts";
import { findPulumi } from "./find-pulumi.ts";
import type { DeployFlags } from "./flags.ts";
import { type Interrupts, takeInterrupts } from "./interrupts.ts";
import { placed } from "./placement.ts";
import { withPolicies } from "./policy-options.ts";
import { stackProgram } from "./program.ts";
import { judge, type Request } from "./request.ts";
import { type Target, targetText } from "./target.ts";
import { type Voice, voiceOf } from "./voice.ts";

/** `pulumi-llmkube deploy NAME`; sets the exit code. Throws one sentence where it cannot begin. */
export async function run(name: string, flags: DeployFlags): Promise<void> {
  const voice = voiceOf(flags);
  const judged = judge(name, flags);
  if (!judged.ok) {
    for (const problem of judged.problems) voice.warn(problem);
    process.exitCode = EXIT.badInput;
    return;
  }
  const target = good(await chooseTarget(flags, process.env));
  const interrupts = takeInterrupts({ say: voice.warn, end: endProcess });
  try {
    await deploy(judged.request, target, flags, interrupts, voice);
  } finally {
    interrupts.off();
  }
}

async function deploy(
  { deployment: wanted, hostMemory }: Request,
  target: Target,
  flags: DeployFlags,
  interrupts: Interrupts,
  voice: Voice,
): Promise<void> {
  const engine = await openEngine(good(await findPulumi(process.env)), process.env);
  const stackName = stackOf(target, process.env);
  const state = good(await withProgress("reading what is deployed", stateOf(engine, stackName)));
  const deployment = placed(wanted, state.deployments, target, process.platform);
  const program = stackProgram(target, withDeployment(state.deployments, deployment));
  voice.say(`${wanted.name} to ${targetText(target)} (stack ${stackName})`);
  const stack = good(await opened(engine, stackName, program));
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
  conclude(done, voice);
}

async function opened(engine: Engine, name: string, program: () => Promise<Record<string, unknown>>) {
  return openStack(engine, name, program).then(
    (stack) => ({ ok: true, value: stack }) as const,
    (error: unknown) => ({ ok: false, error: failureText(messageOf(error)), kind: "internal" }) as const,
  );
}

function conclude({ status, problems }: CarriedOut, voice: Voice): void {
  for (const problem of problems) voice.warn(problem);
  process.exitCode = EXIT_OF[status];
}

function good<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.error);
}
