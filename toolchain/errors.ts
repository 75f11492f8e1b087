/** A failure that a person can act on: its message is the one sentence to show, without a stack. */
export class ToolchainError extends Error {
  override readonly name = "ToolchainError";
}
