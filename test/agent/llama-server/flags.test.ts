import assert from "node:assert/strict";
import { missingOptions, serverFlags } from "../../../agent/llama-server/flags.ts";
import { parseHelp } from "../../../agent/llama-server/supported-flags.ts";
import { fields, options } from "../samples.ts";

describe("the flags of llama-server", () => {
  const valueAfter = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];

  it("says everything that moves memory", () => {
    const args = serverFlags(fields, { model: "/m.gguf" }, options);
    const expected = {
      "--model": "/m.gguf",
      "--alias": "default/chat",
      "--host": "127.0.0.1",
      "--port": "8080",
      "--ctx-size": "4096",
      "--parallel": "2",
      "--cache-type-k": "q8_0",
      "--cache-type-v": "f16",
      "--flash-attn": "on",
      "--batch-size": "2048",
      "--ubatch-size": "512",
      "--n-gpu-layers": "999",
      "--cache-ram": "0",
      "--ctx-checkpoints": "0",
      "--load-mode": "none",
      "--fit": "off",
    };
    const actual = Object.fromEntries(Object.keys(expected).map((flag) => [flag, valueAfter(args, flag)]));
    assert.deepEqual(actual, expected);
  });

  it("has no layer on a GPU that is not there, and those asked for on one that is", () => {
    const cpu = { ...fields, settings: { ...fields.settings, backend: "cpu" as const } };
    assert.equal(valueAfter(serverFlags(cpu, { model: "/m" }, options), "--n-gpu-layers"), "0");
    assert.equal(valueAfter(serverFlags(cpu, { model: "/m" }, options), "--device"), "none");
    assert.equal(valueAfter(serverFlags({ ...fields, gpuLayers: 7 }, { model: "/m" }, options), "--n-gpu-layers"), "7");
  });

  it("puts typed fields and extra arguments last", () => {
    const args = serverFlags(
      { ...fields, mode: "embedding", jinja: false, noWarmup: true, reasoningBudget: 0, extraArgs: ["--temp", "0"] },
      { model: "/m" },
      options,
    );
    assert.deepEqual(args.slice(-7), [
      "--embeddings",
      "--no-jinja",
      "--no-warmup",
      "--reasoning-budget",
      "0",
      "--temp",
      "0",
    ]);
    assert(serverFlags({ ...fields, mode: "rerank" }, { model: "/m" }, options).includes("--reranking"));
  });

  it("says the same to an older binary in its words, and nothing that it does not know", () => {
    const older = new Set(["--no-mmap", "--swa-checkpoints", "--no-webui", "--jinja"]);
    const args = serverFlags({ ...fields, jinja: false, reasoningBudget: 0 }, { model: "/m" }, older);
    assert.equal(valueAfter(args, "--swa-checkpoints"), "0");
    assert.deepEqual(args.slice(-4), ["--no-mmap", "--swa-checkpoints", "0", "--no-webui"]);
    assert.deepEqual(missingOptions({ ...fields, jinja: false, reasoningBudget: 0 }, older), [
      "spec.jinja is not acted on: this llama-server has no --no-jinja",
      "spec.reasoningBudget is not acted on: this llama-server has no --reasoning-budget",
    ]);
  });

  it("finds the options in a help text, and not those that explain others", () => {
    const help = `----- common params -----
-fa,   --flash-attn [on|off|auto]       set Flash Attention use
-kvo,  --kv-offload, -nkvo, --no-kv-offload
                                        whether to enable; see --other
--repack, -nr, --no-repack              whether (default: enabled), not with --another
`;
    const found = ["-fa", "--flash-attn", "-kvo", "--kv-offload", "-nkvo", "--no-kv-offload"];
    assert.deepEqual([...parseHelp(help)], [...found, "--repack", "-nr", "--no-repack"]);
  });
});
