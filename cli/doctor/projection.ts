import { spawn } from "node:child_process";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseBreakdown } from "../../agent/llama-server/breakdown.ts";
import { projectionFlags, type ServerFields } from "../../agent/llama-server/flags.ts";
import { readSupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { formatBytes } from "../../api/quantity.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { quoted } from "../../fetch/refusal.ts";
import { DEFAULT_SETTINGS } from "../../serving/settings.ts";
import { type Finding, type Subject, skipped } from "./check.ts";

/** As long as the agent itself waits. */
const TIMEOUT_MS = 10_000;
/** The breakdown comes long before so much is printed. */
const MOST_BYTES = 2 ** 20;

/** Asks llama-server for the memory of a model as the agent does before a start: it is killed before it reads the weights. */
export async function checkProjection(subject: Subject, stop: AbortSignal): Promise<Finding> {
  const { llamaServer, models, system } = subject;
  const model = subject.model ?? (await smallestModel(models));
  if (model === undefined) return skipped(`no model in ${models} to ask about: name one with --model FILE`);
  const options = await readSupportedFlags(llamaServer);
  if (!options.ok) return skipped("llama-server cannot be used");
  const flags = projectionFlags(fieldsFor(system), { model }, options.value);
  if (flags === undefined) {
    const found = "this llama-server cannot print its memory breakdown: budgets rest on the estimate alone";
    return { state: "warning", found, remedy: "brew upgrade llama.cpp" };
  }
  const began = performance.now();
  const asked = await untilBreakdown(llamaServer, flags, stop);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (asked.ok)
    return {
      state: "ok",
      found: `${formatBytes(asked.value)} for ${basename(model)}, read after ${seconds} s, before the weights`,
    };
  return {
    state: "warning",
    found: `not read for ${basename(model)} (${asked.error}): budgets rest on the estimate alone`,
    remedy: "try another model with --model FILE; if it stays, brew upgrade llama.cpp, or a newer pulumi-llmkube",
  };
}

/** The least server of this model. Port 0 is any that is free. */
function fieldsFor(system: NodeJS.Platform): ServerFields {
  const backend = system === "darwin" ? "metal" : "cpu";
  return {
    ...{ name: "doctor/doctor", host: "127.0.0.1", port: 0, mode: "chat", apiKeyFile: undefined, extraArgs: [] },
    settings: { ...DEFAULT_SETTINGS, contextSize: 512, parallel: 1, backend },
    ...{ gpuLayers: undefined, ropeScaling: undefined, speculation: undefined, jinja: undefined, noWarmup: undefined },
    ...{ reasoningBudget: undefined, reasoningBudgetMessage: undefined },
  };
}

/** Of a split model each shard counts for itself, and only the first can be opened. */
async function smallestModel(folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch(() => []);
  const models = names.filter((name) => /\.gguf$/i.test(name) && !/-(?!00001)\d{5}-of-\d{5}\.gguf$/i.test(name));
  const sizes = models.map(async (name) => {
    const found = await stat(join(folder, name)).catch(() => undefined);
    return found?.isFile() ? [{ path: join(folder, name), size: found.size }] : [];
  });
  const found = (await Promise.all(sizes)).flat().sort((a, b) => a.size - b.size);
  return found[0]?.path;
}

/** Runs it until it has printed the table, and kills it then, after 10 s, or when `stop` is aborted. */
function untilBreakdown(llamaServer: string, flags: readonly string[], stop: AbortSignal): Promise<Result<number>> {
  return new Promise((resolve) => {
    const server = spawn(llamaServer, flags, { stdio: ["ignore", "pipe", "pipe"] });
    let printed = "";
    let answer: Result<number> | undefined;
    const end = (what: Result<number>) => {
      answer ??= what;
      server.kill("SIGKILL");
    };
    const timer = setTimeout(() => end(fail(`nothing within ${TIMEOUT_MS / 1000} s`)), TIMEOUT_MS);
    const interrupted = () => end(fail("interrupted", "interrupted"));
    const killed = () => server.kill("SIGKILL");
    stop.addEventListener("abort", interrupted);
    process.once("exit", killed);
    for (const stream of [server.stdout, server.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        if (printed.length < MOST_BYTES) printed += text;
        const bytes = parseBreakdown(printed);
        if (bytes !== undefined) end(ok(bytes));
      });
    }
    server.on("error", (error) => end(fail(error.message)));
    server.on("close", () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", interrupted);
      process.off("exit", killed);
      const last = printed.trimEnd().split("\n").at(-1) ?? "";
      resolve(answer ?? fail(`it ended and printed no table, last ${quoted(last)}`));
    });
  });
}
