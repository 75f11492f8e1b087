import assert from "node:assert/strict";
import { admit } from "../../agent/decisions/admission.ts";
import { projectionRefusal } from "../../agent/decisions/projection.ts";
import { kernelLimitBytes } from "../../agent/kernel-limit/kernel-limit.ts";
import { workloadId } from "../../agent/workload/workload-id.ts";
import { GiB, MiB } from "../../api/bytes.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { tensorBytes } from "../../gguf/tensor-types.ts";
import { ADVISED_CACHE_TYPES, advise } from "../../memory/advice.ts";
import { adviceText } from "../../memory/advice-text.ts";
import { resolveAllocatable } from "../../memory/allocatable.ts";
import { adaptiveFraction, resolveBudget } from "../../memory/budget.ts";
import { BACKENDS, type EstimateSettings, type KnownEstimate } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";
import { estimateServed } from "../../memory/served.ts";
import { LOAD_MODE } from "../../serving/default-settings.ts";
import { gemmaHeader } from "../support/gemma-header.ts";
import { SETTINGS } from "../support/settings.ts";
import { readSynthetic, syntheticHeader, settingsOf as syntheticSettings } from "../support/synthetic-models.ts";
import { SYNTHETIC_SHAPES } from "../support/synthetic-shapes.ts";
import { headerOf, readTruth, settingsOf, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** One row of llama-server's memory breakdown, in MiB. */
interface Row {
  readonly model: number;
  readonly context: number;
  readonly compute: number;
}

function known(header: GgufHeader, settings: EstimateSettings): KnownEstimate {
  const answer = estimateServed({ header }, settings);
  assert.ok(answer.ok && answer.value.confidence !== "unknown", JSON.stringify(answer));
  return answer.value;
}

/** What llama-server would print if it reserved what the estimate says. */
function rowsOf({ parts }: KnownEstimate): readonly Row[] {
  const mib = (...names: readonly string[]) => names.reduce((sum, name) => sum + (parts[name] ?? 0), 0) / MiB;
  const device = { model: mib("weights"), context: mib("kv", "recurrent"), compute: mib("computeDevice") };
  return [device, { model: mib("tiedCopy"), context: 0, compute: mib("computeHost", "attentionHost") }];
}

/** The sum of a table whose every cell is rounded up, in bytes. */
function projectedBytes(rows: readonly Row[]): number {
  const cells = rows.flatMap(({ model, context, compute }) => [model, context, compute]);
  return cells.reduce((sum, mib) => sum + Math.ceil(mib) * MiB, 0);
}

/** Metal's recommended working set, as Macs report it: the least that was recorded (docs/background/apple-memory.md, "Working set"). */
function workingSetOf(macBytes: number): number {
  return Math.floor(macBytes * (macBytes <= 32 * GiB ? 2 / 3 : 0.75));
}

/** Why a model would be refused anywhere on its way to being served with an advised budget; undefined if it is served. */
function refusedLater(
  header: GgufHeader,
  settings: EstimateSettings,
  budgetMiB: number,
  rows: readonly Row[],
  macBytes?: number,
): string | undefined {
  const need = known(header, settings);
  const host = macBytes === undefined ? {} : { hostMemoryBytes: macBytes, workingSetBytes: workingSetOf(macBytes) };
  const budget = resolveBudget({ ...host, memoryBudget: `${budgetMiB}Mi` });
  if (!budget.ok) return budget.error;
  const fit = decideFit(need, budget.value);
  if (!fit.fits) return fit.message;

  const bytes = projectedBytes(rows);
  const refusal = projectionRefusal({ specHash: "", bytes }, budget.value, 0);
  if (refusal !== undefined) return refusal;
  if (macBytes !== undefined) {
    const allocatable = resolveAllocatable({
      backend: "metal",
      physicalMemoryBytes: macBytes,
      workingSetBytes: workingSetOf(macBytes),
    });
    if (!allocatable.ok) return allocatable.error;
    const chargeBytes = Math.max(need.totalBytes, bytes);
    const candidate = { id: workloadId("m"), name: "m", priority: 2, since: 0, chargeBytes, projected: true };
    const verdict = admit([candidate], [], allocatable.value).get(candidate.id);
    if (verdict?.kind !== "starts") return JSON.stringify(verdict);
  }

  const { parts } = need;
  const outside = (parts["process"] ?? 0) + (parts["output"] ?? 0);
  const reserved = rows.reduce((sum, row) => sum + (row.model + row.context + row.compute) * MiB, 0);
  const limit = kernelLimitBytes(budget.value.bytes);
  if (reserved + outside > limit) return `serving takes ${reserved + outside}, the kernel allows ${limit}`;
  const loading =
    (parts["weights"] ?? 0) + (parts["tiedCopy"] ?? 0) + largestStaged(header, settings) + (parts["process"] ?? 0);
  return loading > limit ? `loading takes ${loading}, the kernel allows ${limit}` : undefined;
}

/** The largest tensor that passes through the CPU's memory: any but a token table that is not multiplied by. */
function largestStaged({ tensors }: GgufHeader, { backend }: EstimateSettings): number {
  if (backend === "cpu") return 0;
  const isTied = !tensors.some(({ name }) => name === "output.weight");
  const sizes = tensors.map((tensor) => {
    const bytes = tensorBytes(tensor);
    return bytes.ok && (isTied || tensor.name !== "token_embd.weight") ? bytes.value : 0;
  });
  return Math.max(0, ...sizes);
}

/** Too small for any model, so that the advice names what would be enough. */
const TOO_SMALL = MiB;

function advisedBudgetMiB(header: GgufHeader, settings: EstimateSettings): number {
  const text = adviceText(advise({ header }, settings, TOO_SMALL), settings);
  const named = /a budget of at least (\d+)Mi/.exec(text)?.[1];
  assert.ok(named !== undefined, text);
  return Number(named);
}

/**
 * A budget, a Mac, a context or a change that the advice names as enough is refused nowhere. A preview counts a second copy of tied
 * embeddings: what it advises also holds where the agent's llama-server places them once.
 */
function assertAdviceHolds(header: GgufHeader, settings: EstimateSettings, rows: readonly Row[]): void {
  const budgetMiB = advisedBudgetMiB(header, settings);
  const { smallestMacBytes } = advise({ header }, settings, TOO_SMALL);
  assert.equal(refusedLater(header, settings, budgetMiB, rows, smallestMacBytes), undefined);
  const once = { ...settings, tableOnGpu: true };
  assert.equal(refusedLater(header, once, budgetMiB, rowsOf(known(header, once)), smallestMacBytes), undefined);
  const ownBudgetMiB = advisedBudgetMiB(header, once);
  assert.equal(refusedLater(header, once, ownBudgetMiB, rowsOf(known(header, once))), undefined);
  for (const share of [0.95, 0.8, 0.6]) {
    const smaller = Math.ceil(budgetMiB * share);
    const advice = advise({ header }, settings, smaller * MiB);
    const contexts = ADVISED_CACHE_TYPES.map((type) => ({
      ...{ cacheTypeK: type, cacheTypeV: type },
      contextSize: advice.contextSizes[type],
    }));
    for (const changed of [{ contextSize: advice.maxContextSize }, ...contexts, advice.fewestChanges]) {
      const { contextSize } = changed ?? {};
      if (contextSize === undefined) continue;
      const asked = { ...settings, ...changed, contextSize };
      assert.equal(refusedLater(header, asked, smaller, rowsOf(known(header, asked))), undefined);
    }
  }
}

describe("what the advice names as enough is refused nowhere later", () => {
  const truth = readTruth();
  for (const [model, facts] of Object.entries(truth)) {
    for (const backend of BACKENDS) {
      it(`${model} on ${backend}, in every measured case`, async () => {
        const header = await headerOf(await writeSynthetic(truth, model, await temporaryDirectory()));
        for (const measured of facts.cases) {
          const settings = { ...settingsOf(measured, backend), loadMode: LOAD_MODE };
          const rows = measuredRows(measured, facts.tensorBytes, known(header, settings));
          if (rows !== undefined) assertAdviceHolds(header, settings, rows);
        }
      });
    }
  }

  function measuredRows(
    measured: (typeof truth)[string]["cases"][number],
    tensorBytes: number,
    { parts }: KnownEstimate,
  ): readonly Row[] | undefined {
    const { computeCpuMiB, computeMetalDeviceMiB, computeMetalHostMiB, kv, recurrentMiB } = measured;
    const model = tensorBytes / MiB;
    const context = kv.reduce((sum, { mib }) => sum + mib, recurrentMiB);
    if (parts["tiedCopy"] === undefined)
      return computeCpuMiB === null ? undefined : [{ model, context, compute: computeCpuMiB }];
    if (computeMetalDeviceMiB === null || computeMetalHostMiB === null) return undefined;
    const host = { model: parts["tiedCopy"] / MiB, context: 0, compute: computeMetalHostMiB };
    return [{ model, context, compute: computeMetalDeviceMiB }, host];
  }

  for (const [model, cases] of Object.entries(readSynthetic().models)) {
    it(`${model}, in every recorded case on the CPU, and on Metal as estimated`, async () => {
      const shape = SYNTHETIC_SHAPES[model];
      assert.ok(shape);
      const header = await syntheticHeader(shape, await temporaryDirectory());
      for (const measured of cases) {
        const settings = { ...syntheticSettings(measured), loadMode: LOAD_MODE };
        const context = measured.kvMiB + measured.recurrentMiB;
        assertAdviceHolds(header, settings, [{ model: 0, context, compute: measured.computeMiB }]);
        const onMetal = { ...settings, backend: "metal" as const };
        assertAdviceHolds(header, onMetal, rowsOf(known(header, onMetal)));
      }
    });
  }

  for (const gib of [8, 16, 18, 24, 32, 36, 48, 64]) {
    it(`a Mac with ${gib} GiB, for the longest context that its share of the memory holds`, async () => {
      const header = await headerOf(await writeSynthetic(truth, "llama3.2-1b", await temporaryDirectory()));
      const asked = { ...SETTINGS, parallel: 16, loadMode: LOAD_MODE };
      const share = gib * GiB * adaptiveFraction(gib * GiB);
      const { maxContextSize = 0 } = advise({ header }, { ...asked, contextSize: 2 ** 20 }, share);
      for (const less of [0, 256, 512, 1024]) {
        const settings = { ...asked, contextSize: maxContextSize - less };
        assertAdviceHolds(header, settings, rowsOf(known(header, settings)));
      }
    });
  }

  for (const backend of BACKENDS) {
    it(`gemma3-270m on ${backend}`, async () => {
      const header = await gemmaHeader();
      for (const contextSize of [256, 4096, 32_768]) {
        const settings = { ...SETTINGS, backend, contextSize, loadMode: LOAD_MODE };
        assertAdviceHolds(header, settings, rowsOf(known(header, settings)));
      }
    });
  }
});
