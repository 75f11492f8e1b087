/** The findings of a policy about one resource. Each text is a sentence or a few lines for a person. */
export interface Findings {
  readonly refusals?: readonly string[];
  /** What was not checked or had to be assumed. Notes refuse nothing. */
  readonly notes?: readonly Note[];
}

/** Plain, or one that is left out where another policy has refused something of the same resource. */
export type Note = string | { readonly text: string; readonly unlessRefusedBy: string };

export function refusal(text: string): Findings {
  return { refusals: [text] };
}

export function remark(text: string): Findings {
  return { notes: [text] };
}
