/** A failure that a person can act on. Its message is one sentence, to be shown without a stack trace. */
export class ToolchainError extends Error {
  override readonly name: string = "ToolchainError";
}

/** The build was interrupted. This is not a fault, and nothing else should be started. */
export class InterruptError extends ToolchainError {
  constructor(signal: string) {
    super(`The build was stopped by ${signal}.`);
  }
}
