import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import type { EstimateSettings, KnownEstimate } from "../../../memory/estimate/types.ts";
import { headerOf, readTruth, settingsOf, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const truth = readTruth();

function known(header: GgufHeader, settings: EstimateSettings): KnownEstimate {
  const answer = estimate(header, settings);
  assert.ok(answer.ok, JSON.stringify(answer));
  assert.notEqual(answer.value.confidence, "unknown");
  if (answer.value.confidence === "unknown") throw new Error("unreachable");
  return answer.value;
}

function assertNear(what: string, estimated: number, measuredMiB: number, share: number, slackMiB: number): void {
  const difference = Math.abs(estimated / MiB - measuredMiB);
  const allowed = Math.max(measuredMiB * share, slackMiB);
  assert.ok(
    difference <= allowed,
    `${what}: ${(estimated / MiB).toFixed(2)} MiB, llama.cpp reserves ${measuredMiB} MiB`,
  );
}

// Every measured case of test/fixtures/truth: weights exact, context within 1 % or 1 MiB, compute within 5 % or 24 MiB,
// and the total never under by more than 1 %.
describe("estimate, against what llama.cpp itself reserves", () => {
  const worst = new Map<string, number>();
  after(() => {
    for (const [model, percent] of worst) console.log(`      ${model}: total off by at most ${percent.toFixed(2)} %`);
  });

  for (const [model, facts] of Object.entries(truth)) {
    describe(model, () => {
      let header: GgufHeader;
      before(async () => {
        header = await headerOf(await writeSynthetic(truth, model, await temporaryDirectory()));
      });

      for (const measured of facts.cases) {
        const { contextSize, parallel, kvUnified, ubatch, cacheTypeK, flashAttention } = measured;
        const slots = kvUnified ? "auto" : parallel;
        it(`-c ${contextSize} -np ${slots} -ub ${ubatch} -ctk ${cacheTypeK} -fa ${flashAttention ? "on" : "off"}`, () => {
          const context = measured.kv.reduce((sum, { mib }) => sum + mib, 0) + measured.recurrentMiB;
          for (const [backend, compute] of [
            ["cpu", measured.computeCpuMiB],
            ["metal", sum(measured.computeMetalDeviceMiB, measured.computeMetalHostMiB)],
          ] as const) {
            if (compute === null) continue;
            const found = known(header, settingsOf(measured, backend));
            const { kv, recurrent } = found.contextBytes;
            const buffers = found.computeBytes.device + found.computeBytes.host;
            assert.equal(found.weightsBytes, facts.tensorBytes);
            assertNear("context", kv + recurrent, context, 0.01, 1);
            assertNear(`compute on ${backend}`, buffers, compute, 0.05, 24);
            const total = facts.tensorBytes + (context + compute) * MiB;
            const estimated = found.weightsBytes + kv + recurrent + buffers;
            assert.ok(estimated >= total * 0.99, `${estimated} is more than 1 % under ${total}`);
            worst.set(model, Math.max(worst.get(model) ?? 0, (100 * Math.abs(estimated - total)) / total));
          }
        });
      }
    });
  }
});

function sum(device: number | null, host: number | null): number | null {
  return device === null || host === null ? null : device + host;
}
