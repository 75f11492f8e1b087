import * as z from "zod";
import { machineSchema } from "./machine.ts";

export const VERDICTS = ["held", "failed", "cannot"] as const;
export type Verdict = (typeof VERDICTS)[number];

const findingSchema = z.strictObject({ what: z.string(), held: z.boolean(), saw: z.string() });

const stepRecordSchema = z.strictObject({
  name: z.string(),
  asserts: z.string(),
  /** `cannot`: it could not run here, and `why` says why not. */
  verdict: z.enum(VERDICTS),
  /** Whether the whole proof fails with it. */
  blocking: z.boolean(),
  why: z.array(z.string()),
  findings: z.array(findingSchema),
  /** Files, relative to the folder of artefacts. */
  artefacts: z.array(z.string()),
  seconds: z.number().min(0),
});

/** One run of the proof: `proof.json` among the artefacts. */
export const runSchema = z.strictObject({
  version: z.literal(1),
  date: z.iso.datetime(),
  /** The commit that was proven; absent where git does not say. */
  commit: z.string().optional(),
  machine: machineSchema,
  steps: z.array(stepRecordSchema),
});

/** What has been proven on Macs: docs/mac-proof.json. */
export const recordSchema = z.strictObject({ version: z.literal(1), runs: z.array(runSchema) });

export type StepRecord = z.output<typeof stepRecordSchema>;
export type Run = z.output<typeof runSchema>;
export type ProofRecord = z.output<typeof recordSchema>;

/** `held` only where something was looked at, and all of it was so. */
export function verdictOf(findings: readonly { readonly held: boolean }[]): Verdict {
  return findings.length > 0 && findings.every(({ held }) => held) ? "held" : "failed";
}

/** 0: all blocking steps that ran have held. 1: one did not. */
export function exitCodeOf(steps: readonly Pick<StepRecord, "verdict" | "blocking">[]): 0 | 1 {
  return steps.some(({ verdict, blocking }) => verdict === "failed" && blocking) ? 1 : 0;
}

/** The last line of a run. */
export function summary({ machine, steps }: Pick<Run, "machine" | "steps">): string {
  const count = (wanted: Verdict) => steps.filter(({ verdict }) => verdict === wanted).length;
  const failed = steps.filter(({ verdict }) => verdict === "failed");
  const reported = failed.filter(({ blocking }) => !blocking).length;
  const failures = `${failed.length} failed${reported === 0 ? "" : ` (${reported} only reported)`}`;
  const onMac = machine.system === "darwin" && !machine.played;
  const proven = onMac ? `on ${machine.chip}, macOS ${machine.systemVersion}` : NOTHING[machine.system];
  return `${count("held")} steps held, ${failures}, ${count("cannot")} could not run here: ${proven}`;
}

const NOTHING: Readonly<Record<Run["machine"]["system"], string>> = {
  linux: "nothing was proven about a Mac",
  darwin: "nothing was proven about a Mac, because this one is played by stand-ins",
};
