import { statSync } from "node:fs";
import { answers, isHealthy } from "../llama-server/probe.ts";
import type { Entry } from "./entry.ts";
import { saveRecord } from "./follow.ts";
import type { SupervisorOptions } from "./options.ts";
import { answered, type Running, silent, unanswered } from "./running.ts";

/** Time between two health checks of a server that is Ready. */
const CHECK_MS = 10_000;

/** Starts a readiness or health probe in the background if one is due. */
export function startProbe(entry: Entry, options: SupervisorOptions): void {
  const { running } = entry;
  if (running === undefined || running.phase === "stopping" || running.probing) return;
  const { background, clock } = options;
  if (running.phase === "starting") {
    background(`the readiness probe of ${entry.name}`, probe(entry, running, firstAnswer, options));
  } else if (clock() - (running.checkedAt ?? running.readyAt) >= CHECK_MS) {
    background(`the health check of ${entry.name}`, probe(entry, running, check, options));
  }
}

/** What a probe has found: the change that it makes to what is known of the server. */
type Finding = (current: Running) => Running;

async function probe(
  entry: Entry,
  running: Running,
  question: (running: Running, options: SupervisorOptions) => Promise<Finding>,
  options: SupervisorOptions,
): Promise<void> {
  entry.running = { ...running, probing: true };
  let finding: Finding = unanswered;
  try {
    finding = await question(running, options);
  } finally {
    const current = entry.running;
    // The process may have been replaced, or have exited, meanwhile.
    if (current?.process === running.process && current.process.exit() === undefined) {
      entry.running = withReadyRecord(finding(current), options);
      if (isChange(current, entry.running)) options.wake();
    }
  }
}

async function firstAnswer({ started }: Running, { clock }: SupervisorOptions): Promise<Finding> {
  const good = await answers({ ...started.fields, modelPath: started.modelPath });
  return good ? (current) => answered(current, clock()) : unanswered;
}

async function check({ started, process }: Running, { clock, platform }: SupervisorOptions): Promise<Finding> {
  const healthy = await isHealthy({ ...started.fields, modelPath: started.modelPath });
  if (healthy) return (current) => answered(current, clock());
  const cpuSeconds = process.pid === undefined ? null : await platform.cpuSeconds(process.pid);
  const work = { cpuSeconds, logBytes: sizeOf(process.logPath) };
  return (current) => silent(current, work, clock());
}

function sizeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.size ?? null;
}

/** Writes down, for the next agent, that a server has become ready. */
function withReadyRecord(running: Running, options: SupervisorOptions): Running {
  const { record, phase } = running;
  if (phase !== "ready" || record.served === undefined || record.served.ready) return running;
  return saveRecord({ ...running, record: { ...record, served: { ...record.served, ready: true } } }, options);
}

/** Whether the next tick has something new to decide on. */
function isChange(before: Running, now: Running): boolean {
  return before.phase !== now.phase || (now.phase === "ready" && now.failedChecks > 0);
}
