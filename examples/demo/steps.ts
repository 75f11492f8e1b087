import type { ChildProcess } from "node:child_process";
import type { PulumiEnvironment } from "../../toolchain/pulumi.ts";
import { printedStatus, startAgent, stopAgent, waitForWorkload } from "./agent-process.ts";
import { BUDGETS } from "./budgets.ts";
import { demoStack, destroy, type Outcome, preview, upWithoutPolicies, upWithPolicies } from "./engine.ts";
import type { DemoModel } from "./program.ts";
import { heading, quote, say, withHeartbeat } from "./screen.ts";

/** Everything the steps need, made ready by main.ts. All paths are absolute. */
export interface Demo {
  readonly pulumi: PulumiEnvironment;
  /** The folder of the Pulumi project. */
  readonly workDir: string;
  readonly weights: string;
  readonly llamaServer: string;
  readonly manifests: string;
  readonly state: string;
  readonly models: string;
  readonly port: number;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
}

const PROMPT = "The capital of France is";

/** The five steps in order. Whatever they started is stopped at the end, also after a failure or an abort. */
export async function runSteps(demo: Demo): Promise<void> {
  const agent = startAgent({ ...demo, onLine: (line) => quote(`agent: ${line}`) });
  try {
    await refusedAtPreview(demo);
    await broughtUp(demo);
    await shownByStatus(demo);
    await stoppedWhileRunning(demo);
    await destroyed(demo, agent);
  } finally {
    await stopAgent(agent);
  }
}

async function refusedAtPreview(demo: Demo): Promise<void> {
  heading(
    1,
    `pulumi preview: Gemma 3 270M with a 32k context and a budget of ${BUDGETS.refused}. The policy pack reads the header of the model:`,
  );
  const stack = await demoStack(
    demo.pulumi,
    demo.workDir,
    modelOf(demo, { memoryBudget: BUDGETS.refused, contextSize: 32768 }),
  );
  const { succeeded, output } = await withHeartbeat("pulumi preview", preview(stack, demo.signal));
  quote(output);
  require(!succeeded && output.includes("required, budget 400.0 MiB"), "preview should have refused this model");
}

async function broughtUp(demo: Demo): Promise<void> {
  heading(
    2,
    `pulumi up: the same model with a 4k context and a budget of ${BUDGETS.served}. The agent starts a real llama-server:`,
  );
  const stack = await demoStack(
    demo.pulumi,
    demo.workDir,
    modelOf(demo, { memoryBudget: BUDGETS.served, contextSize: 4096 }),
  );
  done("pulumi up", await withHeartbeat("pulumi up", upWithPolicies(stack, demo.signal)));
  const ready = waitForWorkload(demo.state, ({ state }) => state === "Ready", demo.signal);
  const { endpoint } = await withHeartbeat("waiting for llama-server", ready);
  say(`ready at ${endpoint}; it is a base model, so it completes a sentence:`);
  quote(`${PROMPT}${await completion(`${endpoint}/completions`)}`);
}

async function shownByStatus(demo: Demo): Promise<void> {
  heading(3, "pulumi-llmkube status:");
  const table = await printedStatus(demo.state);
  quote(table);
  require(table.includes("Ready"), "status should show the model as Ready");
}

async function stoppedWhileRunning(demo: Demo): Promise<void> {
  heading(
    4,
    `The budget is lowered to ${BUDGETS.exceeded} without the policy pack. The agent enforces it on the running process, without a restart:`,
  );
  const stack = await demoStack(
    demo.pulumi,
    demo.workDir,
    modelOf(demo, { memoryBudget: BUDGETS.exceeded, contextSize: 4096 }),
  );
  done("pulumi up", await withHeartbeat("pulumi up", upWithoutPolicies(stack, demo.signal)));
  const stopped = waitForWorkload(
    demo.state,
    (workload) => workload.schedulingStatus !== undefined && workload.state !== "Ready",
    demo.signal,
  );
  const { schedulingStatus, schedulingMessage } = await withHeartbeat("waiting for the agent", stopped);
  say(`${schedulingStatus}: ${schedulingMessage}`);
  require(!(await answers(demo.port)), "llama-server should be gone");
}

async function destroyed(demo: Demo, agent: ChildProcess): Promise<void> {
  heading(5, "pulumi destroy, then Ctrl-C to the agent:");
  const stack = await demoStack(
    demo.pulumi,
    demo.workDir,
    modelOf(demo, { memoryBudget: BUDGETS.exceeded, contextSize: 4096 }),
  );
  done("pulumi destroy", await withHeartbeat("pulumi destroy", destroy(stack, demo.signal)));
  const code = await stopAgent(agent);
  require(code === 0, `the agent should have exited with 0, not ${code}`);
  require(!(await answers(demo.port)), "no server should be left");
  say("Everything is gone: manifests, agent and server.");
}

function modelOf(demo: Demo, size: Pick<DemoModel, "memoryBudget" | "contextSize">): DemoModel {
  return { source: demo.weights, manifests: demo.manifests, port: demo.port, ...size };
}

async function completion(url: string): Promise<string> {
  const request = { prompt: PROMPT, max_tokens: 12, temperature: 0 };
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const answer: { choices?: ReadonlyArray<{ text: string }> } = JSON.parse(await response.text());
  const text = answer.choices?.[0]?.text;
  if (!text) throw new Error(`${url} answered ${response.status} without a completion`);
  return text;
}

async function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}/health`).then(
    () => true,
    () => false,
  );
}

function done(what: string, outcome: Outcome): void {
  quote(outcome.output);
  require(outcome.succeeded, `${what} failed`);
}

function require(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
