import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { SETTINGS } from "../../support/settings.ts";

/** What the toolchain's llama-server printed for Gemma 3 270M on the CPU: its output and its compute buffer, in MiB. */
const MEASURED = [
  { contextSize: 4096, parallel: 1, ubatchSize: 512, draftTokens: 0, output: 1, compute: 23.28 },
  { contextSize: 4096, parallel: 4, ubatchSize: 512, draftTokens: 0, output: 4, compute: 20.28 },
  { contextSize: 4096, parallel: 16, ubatchSize: 512, draftTokens: 0, output: 16, compute: 22.78 },
  { contextSize: 16384, parallel: 64, ubatchSize: 512, draftTokens: 0, output: 64, compute: 70.78 },
  { contextSize: 4096, parallel: 8, ubatchSize: 64, draftTokens: 0, output: 8, compute: 8.91 },
  { contextSize: 4096, parallel: 64, ubatchSize: 32, draftTokens: 0, output: 64, compute: 64.85 },
  { contextSize: 4096, parallel: 2, ubatchSize: 512, draftTokens: 16, output: 2, compute: 43.28 },
  { contextSize: 4096, parallel: 4, ubatchSize: 512, draftTokens: 48, output: 4, compute: 204.28 },
  { contextSize: 4096, parallel: 4, ubatchSize: 32, draftTokens: 48, output: 4, compute: 32.58 },
] as const;

describe("estimate, with many slots and drafted tokens", () => {
  let gemma: GgufHeader;
  before(async () => {
    gemma = await gemmaHeader();
  });

  for (const { output, compute, ...settings } of MEASURED) {
    it(`-c ${settings.contextSize} -np ${settings.parallel} -ub ${settings.ubatchSize}, ${settings.draftTokens} drafted`, () => {
      const answer = estimate(gemma, { ...SETTINGS, ...settings, backend: "cpu" });
      assert.ok(answer.ok && answer.value.confidence !== "unknown");
      // Drafted tokens get their room when the first of them come, which no log line shows: test/agent/llama-server/speculation.real.test.ts.
      if (settings.draftTokens === 0) assert.equal(answer.value.outputBytes, output * MiB);
      const off = answer.value.computeBytes.host / MiB - compute;
      assert.ok(Math.abs(off) <= 0.6, `compute is off by ${off.toFixed(2)} MiB of ${compute}`);
    });
  }
});
