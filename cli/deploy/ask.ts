import { createInterface } from "node:readline/promises";

export type Answer = "yes" | "no" | "interrupted";

/** Whether there is a person to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY === true && process.stderr.isTTY === true;
}

/** Asks on the terminal. Anything but y or yes is no, and so is Ctrl-D. */
export async function ask(question: string, signal: AbortSignal): Promise<Answer> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // While it is asked, the terminal sends no signal: Ctrl-C comes as a key.
    const interrupted = new Promise<"interrupted">((resolve) => terminal.once("SIGINT", () => resolve("interrupted")));
    const closed = new Promise<string>((resolve) => terminal.once("close", () => resolve("")));
    const answer = await Promise.race([terminal.question(`${question} [y/N] `, { signal }), closed, interrupted]);
    if (answer === "interrupted") return answer;
    return /^\s*y(es)?\s*$/i.test(answer) ? "yes" : "no";
  } catch (error) {
    if (signal.aborted) return "interrupted";
    throw error;
  } finally {
    terminal.close();
  }
}
