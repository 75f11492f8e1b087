import { fail, ok, type Result } from "../../api/result.ts";
import { outputOf } from "../host/command.ts";

/** The long and short options that a llama-server has, each with its dashes. */
export type SupportedFlags = ReadonlySet<string>;

/** Without one of these a server cannot be held to its estimate; each inner list is a choice, the first one preferred. */
const NEEDED: readonly (readonly string[])[] = [
  ["--model"],
  ["--host"],
  ["--port"],
  ["--ctx-size"],
  ["--parallel"],
  ["--cache-type-k"],
  ["--cache-type-v"],
  ["--batch-size"],
  ["--ubatch-size"],
  ["--n-gpu-layers"],
  ["--device"],
  ["--load-mode", "--no-mmap"],
];

/** What the binary at hand understands, from its own `--help`; fails where it is too old to be held to a budget. */
export async function readSupportedFlags(llamaServer: string): Promise<Result<SupportedFlags>> {
  const help = await outputOf(llamaServer, ["--help"]);
  return help.ok ? usableFlags(llamaServer, help.value) : help;
}

export function usableFlags(llamaServer: string, help: string): Result<SupportedFlags> {
  const options = parseHelp(help);
  const missing = NEEDED.filter((choice) => !choice.some((option) => options.has(option))).map(
    ([first]) => first ?? "",
  );
  // Until September 2025 --flash-attn took no value, and "on" after it is refused.
  if (!/--flash-attn \[?on\b/.test(help)) missing.push("--flash-attn on|off");
  if (missing.length === 0) return ok(options);
  if (missing.length > NEEDED.length)
    return fail(`${llamaServer} is no llama-server: name the binary with --llama-server`);
  return fail(`${llamaServer} has no ${missing.join(", ")}: update llama.cpp (brew upgrade llama.cpp)`);
}

/** Options stand at the start of a line, separated by commas; what follows them, and every indented line, explains them. */
export function parseHelp(help: string): SupportedFlags {
  const lines = help.split("\n").filter((line) => /^-\w|^--\w/.test(line));
  return new Set(
    lines.flatMap((line) => /^(?:-{1,2}[\w-]+,?\s+)+/.exec(`${line} `)?.[0].match(/-{1,2}\w[\w-]*/g) ?? []),
  );
}
