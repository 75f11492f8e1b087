import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { projectionFlags, type ServerFields } from "../../agent/llama-server/flags.ts";
import { readSupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import { askProjection } from "../../agent/supervisor/asking.ts";
import type { LlamaProcess } from "../../agent/supervisor/process.ts";
import { formatBytes } from "../../api/quantity.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { DEFAULT_SETTINGS } from "../../serving/default-settings.ts";
import { type Finding, type Subject, skipped } from "./check.ts";

/** Asks llama-server for the memory of a model as the agent does before a start: it is killed before it reads the weights. */
export async function checkProjection(subject: Subject, stop: AbortSignal): Promise<Finding> {
  const { llamaServer, models, system } = subject;
  const model = subject.model ?? (await smallestModel(models));
  if (model === undefined) return skipped(`no model in ${models} to ask about: name one with --model FILE`);
  if (!(await isFile(model)))
    return { state: "warning", found: `there is no file ${model}`, remedy: "name a GGUF file with --model FILE" };
  const options = await readSupportedFlags(llamaServer);
  if (!options.ok) return skipped("llama-server cannot be used");
  const flags = projectionFlags(fieldsFor(system), { model }, options.value);
  if (flags === undefined) {
    const found = "this llama-server cannot print its memory breakdown: budgets rest on the estimate alone";
    return { state: "warning", found, remedy: "brew upgrade llama.cpp" };
  }
  const began = performance.now();
  const asked = await projected(llamaServer, flags, stop);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (asked.ok)
    return {
      state: "ok",
      found: `${formatBytes(asked.value)} for ${basename(model)}, read after ${seconds} s, before the weights`,
    };
  return {
    state: "warning",
    found: `no memory breakdown for ${basename(model)} (${asked.error}): budgets rest on the estimate alone`,
    remedy:
      "try another model with --model FILE; if that does not help, brew upgrade llama.cpp or update pulumi-llmkube",
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

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
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

/** Asks as the agent does; the answer in bytes. Ended when `stop` is aborted, and when this process ends. */
async function projected(llamaServer: string, args: readonly string[], stop: AbortSignal): Promise<Result<number>> {
  const folder = await mkdtemp(join(tmpdir(), "pulumi-llmkube-doctor-"));
  let server: LlamaProcess | undefined;
  const end = () => server?.signal("SIGKILL");
  stop.addEventListener("abort", end);
  process.once("exit", end);
  try {
    const spawned = (one: LlamaProcess) => {
      server = one;
    };
    const answer = await askProjection({ file: llamaServer, args, logPath: join(folder, "log"), tables: 1, spawned });
    return answer.bytes === null ? fail(answer.why) : ok(answer.bytes);
  } finally {
    stop.removeEventListener("abort", end);
    process.off("exit", end);
    await rm(folder, { recursive: true, force: true });
  }
}
