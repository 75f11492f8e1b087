import { Command, InvalidArgumentError, Option } from "commander";
import { stateOptions } from "./state-options.ts";
import type { TryFlags } from "./try/flags.ts";
import { typedPath } from "./typed-path.ts";

const DEFAULT_TOKENS = 512;

/**
 * `pulumi-llmkube try MODEL PROMPT`: exit code 0 after an answer, 1 where the model gives none, 2 where what was asked cannot be, 130 after
 * Ctrl-C.
 */
export function tryCommand(): Command {
  const command = new Command("try")
    .description("Ask a model, and print its answer as it comes; the agent's gateway loads it first where it sleeps.")
    .argument("<model>", "name of the model, as namespace/name, its name alone, or an alias")
    .argument("<prompt>", "what to ask; - is standard input")
    .option("--system <text>", "instruction that comes before the prompt")
    .option("--max-tokens <count>", "longest answer, in tokens", parseTokens, DEFAULT_TOKENS)
    .addOption(
      new Option(
        "--complete",
        "go on with the prompt as a text, without a chat: for base models (default: only where a chat is not possible)",
      ).conflicts("system"),
    )
    .option("--json", "print the whole answer with its numbers as JSON, at its end")
    .addOption(
      new Option("--gateway <url>", "address of a gateway, as http://host:port (default: that of the agent)")
        .argParser(parseGateway)
        .conflicts(["manifests", "nodeName", "state"]),
    )
    .addOption(
      new Option(
        "--key-file <file>",
        "file with one key of the gateway (default: the variable PULUMI_LLMKUBE_KEY)",
      ).argParser(typedPath),
    );
  for (const option of stateOptions()) command.addOption(option);
  command.addHelpText(
    "after",
    `
The answer is on standard output; what it waits for, and its numbers, are on
standard error. Without a gateway it asks the server of a model that is Ready.

Exit codes:
  0    the model answered
  1    it gave no answer, or not all of it; or no agent runs
  2    wrong input: no such model, no such key, a prompt that it cannot take
  130  after Ctrl-C`,
  );
  return command.action(async (model: string, prompt: string, flags: TryFlags) =>
    (await import("./try/run.ts")).run(model, prompt, flags),
  );
}

function parseTokens(text: string): number {
  const tokens = Number(text);
  if (/^\d+$/.test(text) && tokens >= 1 && tokens <= 1_000_000) return tokens;
  throw new InvalidArgumentError("It must be a whole number of tokens, from 1 to 1000000.");
}

function parseGateway(text: string): string {
  const url = URL.parse(text);
  const plain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (plain && /^https?:$/.test(url.protocol) && /^\/(v1\/?)?$/.test(url.pathname)) return url.origin;
  throw new InvalidArgumentError("It must be http://host:port, for example http://127.0.0.1:9000.");
}
