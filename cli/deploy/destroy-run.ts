import { endProcess } from "../../agent/lifecycle/end-process.ts";
import { nearest } from "../../api/explain.ts";
import { plainJson } from "../../api/plain-text.ts";
import { withProgress } from "../progress.ts";
import { type AllDeployed, allDeployed, type Found } from "./all-deployed.ts";
import { carryOut, EXIT_OF, type Plan } from "./carry-out.ts";
import { engineHere, good, openedStack } from "./change-stack.ts";
import { chooseTarget } from "./choose-target.ts";
import { withoutDeployment } from "./deployment.ts";
import { type Engine, stackOf } from "./engine.ts";
import type { DestroyFlags } from "./flags.ts";
import { takeInterrupts } from "./interrupts.ts";
import { stackProgram } from "./program.ts";
import { reportOf } from "./report.ts";
import { targetText } from "./target.ts";
import { voiceOf } from "./voice.ts";

/** `pulumi-llmkube destroy NAME`; sets the exit code. Throws one sentence where it cannot begin. */
export async function run(name: string, flags: DestroyFlags): Promise<void> {
  const voice = voiceOf(flags);
  const engine = await engineHere();
  const all = await withProgress("reading what is deployed", allDeployed(engine));
  const found = chosen(name, all, await namedStack(flags));
  const interrupts = takeInterrupts({ say: voice.warn, end: endProcess });
  try {
    voice.say(`${name} from ${targetText(found.target)} (stack ${found.stack})`);
    const plan = await planOf(engine, found, all);
    const manner = { previewOnly: flags.preview === true, agreed: flags.yes === true };
    const done = await carryOut(plan, manner, interrupts, voice);
    for (const problem of done.problems) voice.warn(problem);
    process.exitCode = EXIT_OF[done.status];
    if (flags.json) console.log(plainJson(reportOf(name, found.target, found.stack, done)));
  } finally {
    interrupts.off();
  }
}

/** The stack of the target that the flags name; undefined: they name none. */
async function namedStack(flags: DestroyFlags): Promise<string | undefined> {
  if (flags.manifests === undefined && !flags.cluster) {
    if (flags.context === undefined && flags.kubeconfig === undefined) return undefined;
    throw new Error(`--${flags.context === undefined ? "kubeconfig" : "context"} needs --cluster`);
  }
  return stackOf(good(await chooseTarget(flags, process.env)), process.env);
}

/** The deployment that is meant. Throws one sentence where it is none, or not clear which. */
export function chosen(name: string, { found, problems }: AllDeployed, stack: string | undefined): Found {
  const here = found.filter((one) => stack === undefined || one.stack === stack);
  const [first, ...more] = here.filter(({ deployed }) => deployed.name === name);
  if (first !== undefined && more.length === 0) return first;
  if (first !== undefined) {
    const places = [first, ...more].map(({ target }) => targetText(target)).join(" and to ");
    throw new Error(`${name} is deployed to ${places}: say which with --manifests or --cluster`);
  }
  const meant = nearest(
    name,
    here.map(({ deployed }) => deployed.name),
  );
  const hint = meant === undefined ? "pulumi-llmkube list shows what is" : `did you mean ${meant}?`;
  throw new Error([`${name} is not deployed: ${hint}`, ...problems].join("; "));
}

/** The stack without this model. With the last one the stack goes too. No policy has a say in what goes. */
async function planOf(engine: Engine, { stack: name, target, deployed }: Found, { found }: AllDeployed): Promise<Plan> {
  const all = found.filter(({ stack }) => stack === name).map((one) => one.deployed);
  const left = withoutDeployment(all, deployed.name);
  const stack = good(await openedStack(engine, name, stackProgram(target, left)));
  const common = { unlock: () => stack.cancel(), question: `Remove ${deployed.name}?` };
  if (left.length > 0) {
    return { ...common, preview: (options) => stack.preview(options), apply: (options) => stack.up(options) };
  }
  return {
    ...common,
    preview: (options) => stack.destroy({ ...options, previewOnly: true }),
    apply: (options) => stack.destroy({ ...options, remove: true }),
  };
}
