import { main } from "../../cli/main.ts";

export interface Output {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

type Write = typeof process.stdout.write;

/**
 * Runs the command line in this process, as a process of its own would: what it prints is kept, without the newline at its end,
 * and its exit code does not become this process's. For commands that come to an end by themselves.
 */
export async function inProcess(...args: readonly string[]): Promise<Output> {
  const printed = { stdout: "", stderr: "" };
  const streams = ["stdout", "stderr"] as const;
  const writes = streams.map((name) => process[name].write);
  const exitCode = process.exitCode;
  for (const name of streams) {
    const keep: Write = (chunk: string | Uint8Array) => {
      printed[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
      return true;
    };
    process[name].write = keep;
  }
  process.exitCode = undefined;
  try {
    await main([process.execPath, "pulumi-llmkube", ...args]);
    return {
      stdout: trimmed(printed.stdout),
      stderr: trimmed(printed.stderr),
      exitCode: Number(process.exitCode ?? 0),
    };
  } finally {
    process.exitCode = exitCode;
    for (const [index, name] of streams.entries()) process[name].write = writes[index] as Write;
  }
}

function trimmed(text: string): string {
  return text.replace(/\n$/, "");
}
