import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { errorText } from "../api/error-code.ts";
import { type Artefacts, artefactsOf } from "./artefacts.ts";
import type { Machine } from "./machine.ts";
import { isBlocking, obstacles, surroundingsOf } from "./plan.ts";
import { withHeartbeat } from "./progress.ts";
import { type StepRecord, verdictOf } from "./record.ts";
import type { Finding, Scene, Step } from "./step.ts";

/** What all steps share. */
export interface Stage {
  readonly machine: Machine;
  readonly mac: Scene["mac"];
  readonly output: string;
  readonly llamaServer: Scene["llamaServer"];
  readonly weights: Scene["weights"];
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Says what the step asserts, runs it, says what it saw, and keeps what it recorded. Never throws. */
export async function runStep(step: Step, stage: Stage): Promise<StepRecord> {
  const { machine, say } = stage;
  const { name, asserts } = step;
  const blocking = isBlocking(step, machine);
  const why = obstacles(step, surroundingsOf(machine));
  say(`\n${name}: ${asserts}`);
  if (why.length > 0) {
    for (const reason of why) say(`  - cannot run here: ${reason}`);
    return { name, asserts, verdict: "cannot", blocking, why: [...why], findings: [], artefacts: [], seconds: 0 };
  }
  const began = performance.now();
  const artefacts = artefactsOf(stage.output, name, machine, () => new Date());
  const findings = await findingsOf(step, stage, artefacts);
  artefacts.close(findings);
  for (const { what, held, saw } of findings) say(`  ${held ? "✓" : blocking ? "✗" : "!"} ${what}: ${saw}`);
  const seconds = Math.round(performance.now() - began) / 1000;
  const verdict = verdictOf(findings);
  return {
    ...{ name, asserts, verdict, blocking, why: [], findings: [...findings] },
    ...{ artefacts: [...artefacts.files()], seconds },
  };
}

/** Undoes all that the step began, also after a failure or Ctrl-C. */
async function findingsOf(step: Step, stage: Stage, { keep }: Artefacts): Promise<readonly Finding[]> {
  const undone: Array<() => unknown> = [];
  const found: Finding[] = [];
  try {
    const folder = await mkdtemp(join(tmpdir(), "mac-proof-"));
    undone.push(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    const scene: Scene = { ...stage, folder, keep, undoLater: (undo) => undone.push(undo) };
    found.push(...(await withHeartbeat(step.name, unlessAborted(step.run(scene), stage.signal))));
  } catch (error) {
    found.push({ what: "the step came to its end", held: false, saw: errorText(error) });
  }
  for (const undo of undone.toReversed()) {
    try {
      await undo();
    } catch (error) {
      found.push({ what: "what the step began was undone", held: false, saw: errorText(error) });
    }
  }
  return found;
}

/** Rejects at once when `signal` is aborted, though the work may not look at it. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw new Error("interrupted");
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Error("interrupted"));
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
