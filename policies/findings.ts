import type { ReportViolation } from "@pulumi/policy";

/** What a policy has to say about one resource, each text a sentence or a few lines for a person. */
export interface Findings {
  readonly refusals?: readonly string[];
  /** What was not checked, or was taken for granted; refuses nothing. */
  readonly notes?: readonly string[];
}

export function refusal(text: string): Findings {
  return { refusals: [text] };
}

export function remark(text: string): Findings {
  return { notes: [text] };
}

/**
 * Notes of mandatory policies by the resource's URN. @pulumi/policy reports everything at the policy's own level, so they wait
 * here for `memoryNotes`, which is advisory and which the engine runs on the same resource after the others.
 */
const pendingNotes = new Map<string, Set<string>>();

export function report({ refusals = [], notes = [] }: Findings, urn: string, reportViolation: ReportViolation): void {
  for (const text of refusals) reportViolation(text, urn);
  if (notes.length > 0) pendingNotes.set(urn, new Set([...(pendingNotes.get(urn) ?? []), ...notes]));
}

/** The notes on a resource, each once, whoever noted it. */
export function takeNotes(urn: string): readonly string[] {
  const notes = [...(pendingNotes.get(urn) ?? [])];
  pendingNotes.delete(urn);
  return notes;
}
