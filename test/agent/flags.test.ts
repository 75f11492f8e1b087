import assert from "node:assert/strict";
import { execa } from "execa";
import { serverFlags } from "../../agent/flags.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { fields } from "./samples.ts";

describe("the flags of llama-server", () => {
  const valueAfter = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1];

  it("says everything that moves memory", () => {
    const args = serverFlags(fields, "/m.gguf");
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
    assert.equal(valueAfter(serverFlags(cpu, "/m"), "--n-gpu-layers"), "0");
    assert.equal(valueAfter(serverFlags(cpu, "/m"), "--device"), "none");
    assert.equal(valueAfter(serverFlags({ ...fields, gpuLayers: 7 }, "/m"), "--n-gpu-layers"), "7");
  });

  it("puts typed fields and extra arguments last", () => {
    const args = serverFlags(
      { ...fields, mode: "embedding", jinja: false, noWarmup: true, reasoningBudget: 0, extraArgs: ["--temp", "0"] },
      "/m",
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
    assert(serverFlags({ ...fields, mode: "rerank" }, "/m").includes("--reranking"));
  });

  it("uses only flags that the real binary has", async () => {
    const { stdout } = await execa(await ensureTool("llama-server"), ["--help"]);
    const all = {
      ...fields,
      mode: "rerank" as const,
      jinja: false,
      noWarmup: true,
      reasoningBudget: 1,
      reasoningBudgetMessage: "m",
    };
    const flags = [...serverFlags(all, "/m"), ...serverFlags({ ...all, mode: "embedding", jinja: true }, "/m")];
    for (const flag of flags.filter((arg) => arg.startsWith("--"))) {
      assert.match(stdout, new RegExp(`(^|[\\s,])${flag}([\\s,]|$)`, "m"), flag);
    }
  }).timeout(60_000);
});
