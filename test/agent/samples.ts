import { type Background, backgroundWork } from "../../agent/lifecycle/background.ts";
import type { ServerFields } from "../../agent/llama-server/flags.ts";
import type { SupportedFlags } from "../../agent/llama-server/supported-flags.ts";
import type { SupervisorOptions } from "../../agent/supervisor/options.ts";
import type { Workload } from "../../agent/workload/workload.ts";
import { workloadId } from "../../agent/workload/workload-id.ts";

/** Those options of a recent llama-server that the agent uses. */
export const options: SupportedFlags = new Set([
  ...["--load-mode", "--cache-ram", "--ctx-checkpoints", "--no-repack", "--fit", "--metrics", "--no-ui", "--offline"],
  ...["--override-tensor", "--lazy-mode", "--slot-save-path"],
  ...["--embeddings", "--reranking", "--jinja", "--no-jinja"],
  ...["--no-warmup", "--reasoning-budget", "--reasoning-budget-message", "--temp"],
]);

export const fields: ServerFields = {
  name: "default/chat",
  host: "127.0.0.1",
  port: 8080,
  mode: "chat",
  settings: {
    contextSize: 4096,
    parallel: 2,
    cacheTypeK: "q8_0",
    cacheTypeV: "f16",
    flashAttention: true,
    batchSize: 2048,
    ubatchSize: 512,
    backend: "metal",
  },
  apiKeyFile: undefined,
  gpuLayers: undefined,
  ropeScaling: undefined,
  speculation: undefined,
  jinja: undefined,
  noWarmup: undefined,
  reasoningBudget: undefined,
  reasoningBudgetMessage: undefined,
  extraArgs: [],
};

export function aWorkload(part: Partial<Workload> = {}): Workload {
  return {
    id: workloadId(part.name ?? "default/chat"),
    name: "default/chat",
    source: "/models/chat.gguf",
    sha256: undefined,
    fields,
    budget: { bytes: 2 ** 30, source: "crd-budget" },
    priority: 2,
    evictionProtection: false,
    returnsAfterEviction: true,
    gracePeriodMs: 10_000,
    onDemand: { idleUnloadMs: undefined, aliases: [], promptCache: "off" },
    specHash: "",
    notes: [],
    ...part,
  };
}

/** A machine with one agent. */
export const alone: SupervisorOptions["claims"] = {
  hold: () => {},
  covers: () => true,
  others: () => [],
  trouble: () => undefined,
  shareBytes: () => Number.MAX_SAFE_INTEGER,
};

/** For a test in which no background work may fail: a failure throws. */
export const background: Background = backgroundWork((message) => {
  throw new Error(message);
});
