import type { Machine } from "../../proof/machine.ts";
import type { Run, StepRecord } from "../../proof/record.ts";

/** A Mac that does not exist; a test changes what it is about. */
export const MACHINE: Machine = {
  system: "darwin",
  systemVersion: "15.4",
  chip: "Apple M4 Pro",
  memoryBytes: 24 * 2 ** 30,
  llamaCpp: "9999 (made-up)",
  node: "v24.0.0",
  place: "self-hosted",
  gpu: "Apple M4 Pro",
  root: true,
  played: false,
};

export function stepRecord(part: Partial<StepRecord>): StepRecord {
  const nothing = { why: [], findings: [], artefacts: [], seconds: 0 };
  return { name: "made-up", asserts: "nothing", verdict: "held", blocking: true, ...nothing, ...part };
}

export function runOn(part: Partial<Machine>, steps: readonly StepRecord[]): Run {
  return { version: 1, date: "2026-11-26T10:00:00.000Z", machine: { ...MACHINE, ...part }, steps: [...steps] };
}
