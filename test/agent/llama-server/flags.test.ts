import assert from "node:assert/strict";
import { missingOptions, placesTable, serverFlags } from "../../../agent/llama-server/flags.ts";
import { parseHelp } from "../../../agent/llama-server/supported-flags.ts";
import { fields, options } from "../samples.ts";

describe("the flags of llama-server", () => {
  const valueAfter = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];

  it("set everything that affects memory", () => {
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
      "--lazy-mode": "off",
      "--fit": "off",
    };
    const actual = Object.fromEntries(Object.keys(expected).map((flag) => [flag, valueAfter(args, flag)]));
    assert.deepEqual(actual, expected);
  });

  for (const [what, cache, supported, expected] of [
    ["both", { promptCacheMiB: 64, checkpoints: 2 }, options, ["64", "2"]],
    ["a model that needs no checkpoints", { promptCacheMiB: 64 }, options, ["64", "0"]],
    ["no cache", {}, options, ["0", "0"]],
    [
      "the older name",
      { promptCacheMiB: 64, checkpoints: 2 },
      new Set(["--cache-ram", "--swa-checkpoints"]),
      ["64", "2"],
    ],
  ] as const) {
    it(`set the prompt cache and its checkpoints: ${what}`, () => {
      const args = serverFlags(fields, { model: "/m", ...cache }, supported);
      const name = supported === options ? "--ctx-checkpoints" : "--swa-checkpoints";
      assert.deepEqual([valueAfter(args, "--cache-ram"), valueAfter(args, name)], expected);
    });
  }

  it("name the folder for saved slots only where there is one, and never for a projection", () => {
    const args = serverFlags(fields, { model: "/m.gguf", slotSavePath: "/state/saved-slots/default_chat" }, options);
    assert.equal(valueAfter(args, "--slot-save-path"), "/state/saved-slots/default_chat");
    assert.ok(!serverFlags(fields, { model: "/m.gguf" }, options).includes("--slot-save-path"));
  });

  it("put no layer on a missing GPU, and the requested layers on a present one", () => {
    const cpu = { ...fields, settings: { ...fields.settings, backend: "cpu" as const } };
    assert.equal(valueAfter(serverFlags(cpu, { model: "/m" }, options), "--n-gpu-layers"), "0");
    assert.equal(valueAfter(serverFlags(cpu, { model: "/m" }, options), "--device"), "none");
    assert.equal(valueAfter(serverFlags({ ...fields, gpuLayers: 7 }, { model: "/m" }, options), "--n-gpu-layers"), "7");
  });

  for (const [what, part, server, placed] of [
    ["a tied model on a GPU that is named", {}, options, true],
    ["a GPU by the name of older builds, which an upgrade changes", { deviceName: "Metal" }, options, false],
    ["a GPU without a name", { deviceName: undefined }, options, false],
    ["no layer on the GPU", { gpuLayers: 0 }, options, false],
    ["the CPU", { settings: { ...fields.settings, backend: "cpu" } }, options, false],
    ["a binary without the option", {}, new Set(["--load-mode"]), false],
  ] as const) {
    it(`${placed ? "place" : "do not place"} the only token table with the GPU: ${what}`, () => {
      const served = { ...fields, deviceName: "MTL0", ...part };
      const args = serverFlags(served, { model: "/m", tableForGpu: true }, server);
      const expected = placed ? "^token_embd\\.weight$=MTL0" : undefined;
      assert.equal(args.includes("--override-tensor") ? valueAfter(args, "--override-tensor") : undefined, expected);
      assert.equal(placesTable(served, server), placed);
      assert(!serverFlags(served, { model: "/untied" }, server).includes("--override-tensor"));
    });
  }

  for (const [what, settings, splitsInputs, expected] of [
    ["as long as a slot", { mode: "embedding" }, undefined, "2048"],
    ["llama-server's own where an input may be split", { mode: "rerank" }, true, "512"],
    ["the user's", { mode: "embedding", ubatchSize: 128 }, undefined, "128"],
  ] as const) {
    it(`set batches for embeddings: ${what}`, () => {
      const auto = { ...fields.settings, batchSize: "auto", ubatchSize: "auto", ...settings } as const;
      const paths = { model: "/m", ...(splitsInputs && { splitsInputs }) };
      const args = serverFlags({ ...fields, mode: settings.mode, settings: auto }, paths, options);
      assert.equal(valueAfter(args, "--ubatch-size"), expected);
      assert.equal(valueAfter(args, "--batch-size"), expected);
    });
  }

  it("end in typed fields and extra arguments", () => {
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

  it("use the spellings of an older binary, and no option that it does not support", () => {
    const older = new Set(["--no-mmap", "--swa-checkpoints", "--no-webui", "--jinja"]);
    const args = serverFlags({ ...fields, jinja: false, reasoningBudget: 0 }, { model: "/m" }, older);
    assert.equal(valueAfter(args, "--swa-checkpoints"), "0");
    assert.deepEqual(args.slice(-4), ["--no-mmap", "--swa-checkpoints", "0", "--no-webui"]);
    assert.deepEqual(missingOptions({ ...fields, jinja: false, reasoningBudget: 0 }, older), [
      "spec.jinja has no effect: this llama-server does not support --no-jinja",
      "spec.reasoningBudget has no effect: this llama-server does not support --reasoning-budget",
    ]);
  });

  it("are found in a help text, but not in its descriptions", () => {
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
