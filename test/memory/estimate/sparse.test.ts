import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { settingsOf, syntheticHeader } from "../../support/synthetic-models.ts";
import { SPARSE } from "../../support/synthetic-shapes/sparse.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** Shape, context, slots, micro-batch; then the MiB of cache, state and compute that llama-server 0.6.0-dev printed on the CPU. */
const MEASURED: readonly (readonly [string, number, number, number, number, number, number])[] = [
  ["hy-v4-full", 8192, 1, 512, 72, 0, 192.01],
  ["hy-v4-full", 32768, 4, 1024, 288, 0, 384.03],
  ["hy-v4-typed", 8192, 1, 512, 114, 0, 384.02],
  ["hy-v4-typed", 32768, 4, 1024, 456, 0, 768.04],
  ["hy-v4-typed", 32768, 1, 512, 456, 0, 468.02],
  ["hy-v4-typed", 8192, 1, 1024, 114, 0, 768.04],
  ["minimax-m3", 8192, 1, 512, 228, 0, 244.56],
  ["minimax-m3", 32768, 4, 1024, 912, 0, 313.18],
  ["minimax-m3", 32768, 1, 512, 912, 0, 700.65],
  ["minimax-m3", 8192, 1, 1024, 228, 0, 489.08],
  ["minimax-text-01", 8192, 1, 512, 64, 56, 340.27],
  ["minimax-text-01", 32768, 1, 512, 256, 56, 364.27],
  ["kimi-k3", 8192, 1, 512, 27, 57.8, 391.26],
  ["glm-5.3-flash", 8192, 1, 512, 42, 38.53, 247],
  ["deepseek-v4", 8192, 1, 512, 22.75, 2.89, 255.59],
  ["deepseek-v4", 32768, 4, 1024, 115, 11.56, 512.12],
];

describe("estimate of sparse, compressed and linear attention, against llama-server", () => {
  for (const [name, contextSize, parallel, ubatch, kvMiB, stateMiB, computeMiB] of MEASURED) {
    it(`${name} -c ${contextSize} -np ${parallel} -ub ${ubatch}: the context as printed, compute not less`, async () => {
      const shape = SPARSE[name];
      assert.ok(shape !== undefined);
      const run = { contextSize, parallel, ubatch, flashAttention: true };
      const found = estimate(await syntheticHeader(shape, await temporaryDirectory()), settingsOf(run));
      assert.ok(found.ok && found.value.confidence === "bounded", JSON.stringify(found));
      const { contextBytes, computeBytes } = found.value;
      assert.ok(Math.abs(contextBytes.kv / MiB - kvMiB) < 0.01, `${contextBytes.kv} bytes`);
      assert.ok(Math.abs(contextBytes.recurrent / MiB - stateMiB) < 0.01, `${contextBytes.recurrent} bytes`);
      assert.ok(computeBytes.host / MiB >= computeMiB, `${computeBytes.host} bytes`);
    });
  }
});
