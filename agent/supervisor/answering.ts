import {
  type Answering,
  answeredTest,
  answeringSince,
  askOrWait,
  failedTestRequest,
  provedNothing,
  withWake,
} from "../decisions/answering.ts";
import { gpuFaultMessage, hangs } from "../decisions/health.ts";
import { withRestored } from "../decisions/saved-slots.ts";
import { testFailure } from "../llama-server/exit-reason.ts";
import { gpuFault } from "../llama-server/gpu-fault.ts";
import { COMPLETION_TIMEOUT_MS, checkStillAnswers, type Found, slotsOf } from "../llama-server/probe.ts";
import type { Entry } from "./entry.ts";
import { expectedOf, logOf, type Probing, workOf } from "./probing.ts";
import { faulted, type Running, withFailure, withoutFailure } from "./running.ts";

/** What came of a look: the change that it makes to what is known of the server. */
type Change = (current: Running) => Running;

/**
 * Looks, in the background, whether a server that is Ready is to be asked for a token, and asks it, if that is due. `/health` says nothing
 * about whether it can compute (docs/decisions/health-of-a-ready-server.md).
 */
export function startAnswerProbe(entry: Entry, probing: Probing): void {
  const { running } = entry;
  if (running?.phase !== "ready" || running.asking) return;
  const now = probing.clock();
  const { readyAt } = running;
  const answering = withWake(running.answering ?? answeringSince(readyAt), probing.wokeAt?.(), readyAt, now);
  entry.running = { ...running, answering };
  if (now < answering.dueAt) return;
  probing.background(`asking ${entry.name} whether it still answers`, lookAtAnswers(entry, entry.running, probing));
}

async function lookAtAnswers(entry: Entry, running: Running, probing: Probing): Promise<void> {
  entry.running = { ...running, asking: true };
  let change: Change = (current) => current;
  try {
    change = await look(running, running.answering ?? answeringSince(probing.clock()), probing);
  } finally {
    const current = entry.running;
    // The process may have been replaced, or have exited, meanwhile.
    if (current?.process === running.process && current.process.exit() === undefined) {
      entry.running = { ...change(current), asking: false };
      if (isNews(entry.running)) probing.wake();
    }
  }
}

/** Whether the next tick has something to decide on. */
function isNews(running: Running): boolean {
  return running.phase === "ready" && (running.failing !== undefined || running.fault !== undefined);
}

async function look(running: Running, answering: Answering, probing: Probing): Promise<Change> {
  const { clock } = probing;
  const { expected } = expectedOf(running, probing);
  const keepsPrompts = expected.mode === "chat";
  const slots = await slotsOf(expected);
  const shown = Array.isArray(slots) ? withRestored(slots, running.restoredSlots) : slots;
  const next = askOrWait(answering, shown, keepsPrompts, clock());
  if (next.kind === "wait") return (current) => ({ ...current, answering: next.answering });
  const found = await ask(running, next.slot, probing);
  switch (found.kind) {
    case "well":
    case "refused": {
      const after = answeredTest(answering, await slotsOf(expected), clock());
      return (current) => withoutFailure({ ...current, answering: after });
    }
    case "silent":
      return (current) => ({ ...current, answering: provedNothing(answering, clock()) });
    case "failing":
      return failed(running, answering, found.detail, probing);
  }
}

/** Where its log names a fault of the GPU, one failure is enough. What the log names is no fault while test requests are answered. */
async function failed(
  running: Running,
  answering: Answering,
  detail: string,
  { clock, wokeAt }: Probing,
): Promise<Change> {
  const log = await logOf(running);
  const seen = gpuFault(log);
  const why = testFailure(detail, log);
  return (current) => {
    const fault = current.sign ?? seen;
    if (fault !== undefined) return faulted(current, gpuFaultMessage(fault, wokeAt?.(), clock()));
    return withFailure({ ...current, answering: failedTestRequest(answering, clock()) }, why, clock());
  };
}

/** A request without an answer in two minutes is a failure too, if the server did no work in that time, and the machine did not sleep. */
async function ask(running: Running, slot: number | undefined, probing: Probing): Promise<Found> {
  const { clock, wokeAt } = probing;
  const [begun, wokeBefore, before] = [clock(), wokeAt?.(), await workOf(running.process, probing)];
  const found = await checkStillAnswers(expectedOf(running, probing).expected, slot);
  if (wokeAt?.() !== wokeBefore) return { kind: "silent" };
  if (found.kind !== "silent") return found;
  const work = await workOf(running.process, probing);
  if (!hangs(before, work, clock() - begun, COMPLETION_TIMEOUT_MS)) return found;
  return { kind: "failing", detail: `no answer within ${COMPLETION_TIMEOUT_MS / 1000} s, in which it did nothing` };
}
