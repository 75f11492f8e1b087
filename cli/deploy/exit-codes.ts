/** Exit codes of `deploy`, `list` and `destroy`. */
export const EXIT = {
  done: 0,
  /** A policy refused it, Pulumi failed, a person said no, or the model did not become Ready. */
  failed: 1,
  /** Bad flags, no Pulumi CLI, nobody to ask, no such deployment. */
  badInput: 2,
  interrupted: 130,
} as const;
