/** A failure that a person can act on: its message is the one sentence to show, without a stack. */
export class ToolchainError extends Error {
  override readonly name: string = "ToolchainError";
}

/** The build was stopped from outside: nothing is wrong, and nothing further should be started. */
export class InterruptError extends ToolchainError {
  constructor(signal: string) {
    super(`The build was stopped by ${signal}.`);
  }
}
