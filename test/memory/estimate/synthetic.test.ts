import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { readSynthetic, settingsOf, syntheticHeader } from "../../support/synthetic-models.ts";
import { SYNTHETIC_SHAPES } from "../../support/synthetic-shapes.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** 1 % of the weights of a 2B model in 4 bits: what the total may be under by where context and compute are small. */
const SMALLEST_SHARE = 10 * MiB;
const { llamaCpp: recordedWith, models } = readSynthetic();

/** Within `share` of what was measured, or `slackMiB`. */
function assertNear(
  what: string,
  bytes: number,
  measuredMiB: number,
  share: number,
  slackMiB: number,
  llamaCpp = recordedWith,
): void {
  const allowed = Math.max(measuredMiB * share, slackMiB);
  const found = `${what}: ${(bytes / MiB).toFixed(2)} MiB, llama.cpp ${llamaCpp} reserves ${measuredMiB} MiB`;
  assert.ok(Math.abs(bytes / MiB - measuredMiB) <= allowed, found);
}

// Published shapes of architectures that shared truth has no case of, as `npm run bench:synthetic` recorded them on the CPU.
describe("estimate, against recorded synthetic models", () => {
  for (const [model, cases] of Object.entries(models)) {
    describe(model, () => {
      let header: GgufHeader;
      before(async () => {
        const shape = SYNTHETIC_SHAPES[model];
        assert.ok(shape !== undefined, `there is no shape ${model}`);
        header = await syntheticHeader(shape, await temporaryDirectory());
      });

      for (const measured of cases) {
        const { contextSize, parallel, ubatch, flashAttention, llamaCpp } = measured;
        it(`-c ${contextSize} -np ${parallel} -ub ${ubatch} -fa ${flashAttention ? "on" : "off"}`, () => {
          const found = estimate(header, settingsOf(measured));
          assert.ok(found.ok && found.value.confidence !== "unknown", JSON.stringify(found));
          const { kv, recurrent } = found.value.contextBytes;
          const { device, host } = found.value.computeBytes;
          assertNear("context", kv + recurrent, measured.kvMiB + measured.recurrentMiB, 0.01, 1, llamaCpp);
          assertNear("compute", device + host, measured.computeMiB, 0.05, 24, llamaCpp);
          const reserved = (measured.kvMiB + measured.recurrentMiB + measured.computeMiB) * MiB;
          const under = reserved - (kv + recurrent + device + host);
          assert.ok(under <= Math.max(reserved * 0.01, SMALLEST_SHARE), `${under} bytes under ${reserved}`);
        });
      }
    });
  }
});
