import pLimit from "p-limit";
import { inferenceServiceSpecSchema } from "../../api/inferenceservice.ts";
import { metadataSchema } from "../../api/metadata.ts";
import { type ModelSpec, modelSpecSchema } from "../../api/model.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import { headerCacheFolder } from "../../gguf/header-cache.ts";
import { readHeader } from "../../gguf/read.ts";
import { exceedsAllocatable, resolveDeclaredMac } from "../../memory/allocatable.ts";
import { resolveBudget } from "../../memory/budget.ts";
import { BACKENDS, type KnownEstimate } from "../../memory/estimate/types.ts";
import { decideFit } from "../../memory/fit.ts";
import { estimateWhole, readServed, unconfirmedIn } from "../../memory/served.ts";
import { neededSettings } from "../../serving/needed-settings.ts";
import { unservedModel } from "../../serving/settings.ts";
import type { Estimated, EstimateInput } from "./estimate-types.ts";

/** Estimates what a Model needs with the settings of its service; reads the header of its weights, of several models that share a file only once. */
export async function estimateSpecs({
  model,
  service,
  annotations,
  hostMemory,
}: EstimateInput): Promise<Result<Estimated>> {
  const spec = modelSpecSchema.safeParse(model).data;
  const serving = inferenceServiceSpecSchema.safeParse(service ?? { modelRef: "model" }).data;
  const annotated = metadataSchema.shape.annotations.safeParse(annotations);
  if (spec === undefined || serving === undefined || !annotated.success) return fail("its spec is not valid");
  const { accelerator = "cpu" } = spec.hardware ?? {};
  const backend = BACKENDS.find((known) => known === accelerator);
  if (backend === undefined) return fail(`accelerator ${accelerator} has memory of its own, which is not estimated`);
  if (serving.runtime !== "llamacpp") return fail(`runtime ${serving.runtime} is not estimated, only llamacpp is`);
  const unserved = unservedModel(spec);
  if (unserved !== undefined) return fail(unserved);
  const settings = neededSettings({ spec: serving, annotations: annotated.data }, backend);
  if (!settings.ok) return settings;
  if (serving.speculativeDecoding?.draftModelRef !== undefined) {
    return fail(
      "its draft model is a Model of its own, whose weights are not known here; the policy memory-fits counts both",
    );
  }
  const served = await readServed({ model: spec.source, mmproj: spec.mmproj }, headerOnce);
  if (!served.ok) return served;
  const need = estimateWhole(served.value, settings.value);
  if (!need.ok) return need;
  if (need.value.confidence === "unknown") return fail(`the need is unknown (${need.value.notes.join("; ")})`);
  const { totalBytes, parts, confidence, notes } = need.value;
  const estimatedMemory = { totalBytes, parts: { ...parts }, confidence, notes: [...notes] };
  const unconfirmed = unconfirmedIn(served.value);
  return ok({ estimatedMemory, fits: fitsOf(need.value, spec, hostMemory), unconfirmed });
}

/** As the policies decide it at preview: within its own budget, and within what its Mac gives to all models. */
function fitsOf(need: KnownEstimate, { hardware }: ModelSpec, hostMemory: string | undefined): boolean | undefined {
  const bytes = hostMemory === undefined ? undefined : parseQuantity(hostMemory);
  const hostMemoryBytes = bytes?.ok ? Number(bytes.value) : undefined;
  const { memoryBudget, memoryFraction } = hardware ?? {};
  const budget = resolveBudget({ memoryBudget, memoryFraction, hostMemoryBytes });
  if (!budget.ok) return undefined;
  const alone = decideFit(need, budget.value).fits;
  if (!alone || hostMemoryBytes === undefined) return alone;
  const allocatable = resolveDeclaredMac({ physicalMemoryBytes: hostMemoryBytes });
  return allocatable.ok && exceedsAllocatable(need.totalBytes, allocatable.value) === undefined;
}

/** Files read at a time. */
const FILES_AT_ONCE = 8;
const oneOfFew = pLimit(FILES_AT_ONCE);
/** Only while they are read: the cache on disk has them afterwards, and a process may bring up many stacks. */
const reading = new Map<string, Promise<Result<GgufHeader>>>();

function headerOnce(source: string): Promise<Result<GgufHeader>> {
  const begun = reading.get(source);
  if (begun !== undefined) return begun;
  const header = oneOfFew(() => readHeader(source, { cacheFolder: headerCacheFolder() })).finally(() =>
    reading.delete(source),
  );
  reading.set(source, header);
  return header;
}
