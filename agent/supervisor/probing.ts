import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { answeringSince, suspected } from "../decisions/answering.ts";
import type { Work } from "../decisions/health.ts";
import { testFailure } from "../llama-server/exit-reason.ts";
import { type GpuFault, gpuFault, hasComputeErrors, type LogPart, logSince } from "../llama-server/gpu-fault.ts";
import { checkAnswers, checkHealth, type Expected, type Found } from "../llama-server/probe.ts";
import { recordsFolder } from "../state/layout.ts";
import type { Entry } from "./entry.ts";
import { saveRecord } from "./follow.ts";
import type { KeyFiles } from "./key-files.ts";
import type { SupervisorOptions } from "./options.ts";
import type { LlamaProcess } from "./process.ts";
import { hasRecord } from "./records.ts";
import { accepted, failedTest, type Running, refusedKey, silent, unanswered } from "./running.ts";

/** Time between two health checks of a server that is Ready. */
const CHECK_MS = 10_000;

/** For so long after a spawn a server is probed at {@link firstPauseMs}; later each tick probes. */
const FIRST_PROBES_MS = 5000;

/**
 * Until the next probe of a server that was spawned so long ago, in milliseconds: a small model is ready at once, and one that loads for
 * longer is not seen much later by a pause that is longer, too. A server that does not listen yet, or still loads, refuses at once.
 */
function firstPauseMs(sinceMs: number): number {
  return Math.max(20, sinceMs * 0.03);
}

/** What probes need: the supervisor's options, and the keys that it knows. */
export interface Probing
  extends Pick<
    SupervisorOptions,
    "background" | "clock" | "platform" | "savedSlots" | "stateDirectory" | "wake" | "wokeAt"
  > {
  readonly keys: KeyFiles;
}

/** Probes a server that has just been spawned a few times in quick succession, until it is ready or gone. */
export async function firstProbes(entry: Entry, process: LlamaProcess, probing: Probing): Promise<void> {
  const spawnedAt = performance.now();
  for (let sinceMs = 0; sinceMs < FIRST_PROBES_MS; sinceMs = performance.now() - spawnedAt) {
    await sleep(firstPauseMs(sinceMs), undefined, { ref: false });
    const { running } = entry;
    if (running?.process !== process || running.phase !== "starting" || process.exit() !== undefined) return;
    startProbe(entry, probing);
  }
}

/** Starts a readiness or health probe in the background if one is due. */
export function startProbe(entry: Entry, probing: Probing): void {
  const { running } = entry;
  if (running === undefined || running.phase === "stopping" || running.probing) return;
  const { background, clock } = probing;
  if (running.phase === "starting") {
    background(`the readiness probe of ${entry.name}`, probe(entry, running, firstAnswerOf(entry), probing));
  } else if (clock() - (running.checkedAt ?? running.readyAt) >= CHECK_MS) {
    background(`the health check of ${entry.name}`, probe(entry, running, check, probing));
  }
}

/** What a probe has found: the change that it makes to what is known of the server. */
type Finding = (current: Running) => Running;

async function probe(
  entry: Entry,
  running: Running,
  question: (running: Running, probing: Probing) => Promise<Finding>,
  probing: Probing,
): Promise<void> {
  entry.running = { ...running, probing: true };
  let finding: Finding = unanswered;
  try {
    finding = await question(running, probing);
  } finally {
    const current = entry.running;
    // The process may have been replaced, or have exited, meanwhile.
    if (current?.process === running.process && current.process.exit() === undefined) {
      entry.running = withReadyRecord(finding(current), probing);
      if (isChange(current, entry.running)) probing.wake();
    }
  }
}

/** The first one that goes well is followed by its saved conversations: no request is let through before. */
function firstAnswerOf(entry: Entry): (running: Running, probing: Probing) => Promise<Finding> {
  return async (running, probing) => {
    const { savedSlots } = probing;
    const { slots } = running.started;
    const finding = await firstAnswer(running, probing);
    if (slots === undefined || savedSlots === undefined || finding(running).phase !== "ready") return finding;
    const current = entry.running;
    if (current?.process !== running.process || current.phase !== "starting") return finding;
    entry.running = { ...current, restoring: true };
    const { expected } = expectedOf(running, probing);
    const restoredSlots = await savedSlots.restore({ id: entry.id, expected, slots });
    if (restoredSlots !== "lost") return (now) => ({ ...finding(now), restoredSlots });
    running.process.signal("SIGKILL");
    return unanswered;
  };
}

async function firstAnswer(running: Running, probing: Probing): Promise<Finding> {
  const { expected, digest } = expectedOf(running, probing);
  const found = await checkAnswers(expected);
  const { clock } = probing;
  switch (found.kind) {
    case "silent":
      return unanswered;
    case "well":
      return (current) => accepted(current, digest, clock());
    case "refused":
      // Without a key file of ours, nothing will ever give the server another key to accept.
      if (running.started.fields.apiKeyFile === undefined) return failureOf(UNASKED_KEY, running, clock);
      return (current) => refusedKey(current, digest, clock());
    case "failing":
      return failureOf(found.detail, running, clock, found.lasting);
  }
}

const UNASKED_KEY = "HTTP 401: it asks for an API key without --api-key-file, as where LLAMA_API_KEY is set";

async function failureOf(detail: string, running: Running, clock: () => number, lasting?: true): Promise<Finding> {
  const why = testFailure(detail, await logOf(running));
  return (current) => failedTest(current, { ...why, ...(lasting && { lasting }) }, clock());
}

/** The end of its log, without control characters. */
export async function logOf({ process }: Running): Promise<string> {
  const { lines } = await logSince(process.logPath, 0).catch(() => NO_LOG);
  return lines.slice(-8192).replace(/(?!\n)\p{Cc}/gu, "");
}

async function check(running: Running, probing: Probing): Promise<Finding> {
  const { process, logSeen = 0 } = running;
  const { expected, digest } = expectedOf(running, probing);
  const found = await checkHealth(expected);
  const log = await logSince(process.logPath, logSeen).catch(() => ({ ...NO_LOG, end: logSeen }));
  const finding = await healthOf(found, running, digest, probing);
  const fault = gpuFault(log.lines);
  const failed = hasComputeErrors(log.lines);
  // Somebody may have removed the state folder: without its record, a server would be nobody's after a crash.
  const there = await hasRecord(recordsFolder(probing.stateDirectory), running.record.id);
  return (current) => {
    const checked = { ...finding(current), logSeen: log.end, recorded: current.recorded && there };
    const isDoubted = fault !== undefined || failed;
    return isDoubted && checked.phase === "ready" ? doubted(checked, fault, probing.clock()) : checked;
  };
}

/** After signs that requests failed: it is asked at once whether it still answers. The first sign of a fault names its cause. */
function doubted(running: Running & { readonly phase: "ready" }, fault: GpuFault | undefined, now: number): Running {
  const answering = suspected(running.answering ?? answeringSince(running.readyAt), "errors", now);
  return { ...running, sign: running.sign ?? fault, answering };
}

const NO_LOG: LogPart = { lines: "", end: 0 };

async function healthOf(
  { kind }: Found,
  { process }: Running,
  digest: string | undefined,
  { clock, platform }: Probing,
): Promise<Finding> {
  if (kind === "well") return (current) => accepted(current, digest, clock());
  if (kind === "refused") return (current) => refusedKey(current, digest, clock());
  const work = await workOf(process, { platform });
  return (current) => silent(current, work, clock());
}

/** What it has done until now. */
export async function workOf({ pid, logPath }: LlamaProcess, { platform }: Pick<Probing, "platform">): Promise<Work> {
  return { cpuSeconds: pid === undefined ? null : await platform.cpuSeconds(pid), logBytes: sizeOf(logPath) };
}

/** What the server is expected to be, asked with the last good key; and the digest of the keys that this one is of. */
export function expectedOf(
  { started: { fields, modelPath } }: Running,
  { keys }: Probing,
): { readonly expected: Expected; readonly digest: string | undefined } {
  const { host, port, mode, name, apiKeyFile } = fields;
  const known = apiKeyFile === undefined ? undefined : keys.known(apiKeyFile).keys;
  return { expected: { host, port, mode, name, modelPath, apiKey: known?.first }, digest: known?.digest };
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Writes down, for the next agent, that a server has become ready, and which keys it has. */
function withReadyRecord(running: Running, probing: Probing): Running {
  const { record, phase, keys } = running;
  const { served } = record;
  if (phase !== "ready" || served === undefined || (served.ready && served.keys === keys)) return running;
  return saveRecord({ ...running, record: { ...record, served: { ...served, ready: true, keys } } }, probing);
}

/** Whether the next tick has something new to decide on. */
function isChange(before: Running, now: Running): boolean {
  if (before.phase !== now.phase || before.refusedKeys !== now.refusedKeys) return true;
  return now.phase === "ready" && (now.failedChecks > 0 || now.sign !== undefined);
}
