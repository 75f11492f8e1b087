import { fail, ok, type Result } from "../../api/result.ts";
import { outputOf } from "../host/command.ts";
import { librariesProblem } from "./libraries.ts";

/** The long and short options that a llama-server supports, each with its dashes. */
export type SupportedFlags = ReadonlySet<string>;

/** The options without which a server cannot be held to its estimate. Each inner list holds alternatives, of which one is enough. */
const REQUIRED: readonly (readonly string[])[] = [
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

/**
 * The options in the `--help` of this binary. Fails if the binary is not llama-server, too old to be held to a budget, or without one of
 * the options `needed` besides.
 */
export async function readSupportedFlags(
  llamaServer: string,
  needed: readonly string[] = [],
): Promise<Result<SupportedFlags>> {
  const help = await outputOf(llamaServer, ["--help"]);
  if (!help.ok) {
    const libraries = librariesProblem(llamaServer, help.error);
    if (libraries !== undefined) return fail(libraries, "unreachable");
    return fail(`${help.error}: install llama.cpp (brew install llama.cpp) or name the binary with --llama-server`);
  }
  const flags = usableFlags(llamaServer, help.value);
  if (!flags.ok) return flags;
  const missing = needed.find((option) => !flags.value.has(option));
  return missing === undefined ? flags : fail(`${llamaServer} does not support ${missing}: update llama.cpp`);
}

/** The options in a help text; fails as {@link readSupportedFlags} does. */
export function usableFlags(llamaServer: string, help: string): Result<SupportedFlags> {
  const options = parseHelp(help);
  const missing = REQUIRED.filter((choice) => !choice.some((option) => options.has(option))).map(
    ([first]) => first ?? "",
  );
  // Until September 2025 --flash-attn took no value, so "--flash-attn on" fails.
  if (!/--flash-attn \[?on\b/.test(help)) missing.push("--flash-attn on|off");
  if (missing.length === 0) return ok(options);
  if (missing.length > REQUIRED.length)
    return fail(`${llamaServer} is not llama-server: name the right binary with --llama-server`);
  return fail(`${llamaServer} does not support ${missing.join(", ")}: update llama.cpp (brew upgrade llama.cpp)`);
}

/** Takes the options at the start of each line, separated by commas. What follows them, and every indented line, is description. */
export function parseHelp(help: string): SupportedFlags {
  const lines = help.split("\n").filter((line) => /^-\w|^--\w/.test(line));
  return new Set(
    lines.flatMap((line) => /^(?:-{1,2}[\w-]+,?\s+)+/.exec(`${line} `)?.[0].match(/-{1,2}\w[\w-]*/g) ?? []),
  );
}
