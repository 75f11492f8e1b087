import type { ReportViolation } from "@pulumi/policy";

/** The findings of a policy about one resource. Each text is a sentence or a few lines for a person. */
export interface Findings {
  readonly refusals?: readonly string[];
  /** What was not checked or had to be assumed. Notes refuse nothing. */
  readonly notes?: readonly string[];
}

export function refusal(text: string): Findings {
  return { refusals: [text] };
}

export function remark(text: string): Findings {
  return { notes: [text] };
}

/**
 * The notes of mandatory policies, by the URN of the resource. @pulumi/policy reports everything at the level of the
 * policy, so notes are kept here for `memoryNotes`, which is advisory and which the engine runs last on the same
 * resource.
 */
const pendingNotes = new Map<string, Set<string>>();

export function report({ refusals = [], notes = [] }: Findings, urn: string, reportViolation: ReportViolation): void {
  for (const text of refusals) reportViolation(text, urn);
  if (notes.length > 0) pendingNotes.set(urn, new Set([...(pendingNotes.get(urn) ?? []), ...notes]));
}

/** The notes on a resource, each once, even if several policies made it. */
export function takeNotes(urn: string): readonly string[] {
  const notes = [...(pendingNotes.get(urn) ?? [])];
  pendingNotes.delete(urn);
  return notes;
}
