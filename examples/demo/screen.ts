import { styleText } from "node:util";

/** A numbered heading that says what the next step shows. */
export function heading(step: number, text: string): void {
  console.log(`\n${styleText("bold", `${step}. ${text}`)}`);
}

/** Lines that another program printed, set apart from the demo's own text. */
export function quote(text: string): void {
  for (const line of text.trimEnd().split("\n")) console.log(styleText("dim", `   │ ${line}`));
}

export function say(text: string): void {
  console.log(`   ${text}`);
}

/** Runs `work` and reports that it is still running; default: every five seconds. */
export async function withHeartbeat<T>(what: string, work: Promise<T>, everyMs = 5000): Promise<T> {
  const started = Date.now();
  const timer = setInterval(() => say(`… ${what}, ${Math.round((Date.now() - started) / 1000)} s`), everyMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
