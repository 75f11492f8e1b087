import assert from "node:assert/strict";
import fc from "fast-check";
import { prepare } from "../../agent/workload/prepare.ts";
import { resolveService } from "../../agent/workload/resolve.ts";
import { workloadId } from "../../agent/workload/workload-id.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import type { Model } from "../../api/model.ts";
import { ON_DEMAND_ANNOTATIONS } from "../../api/on-demand.ts";
import { parseManifest } from "../../api/parse.ts";
import { ok } from "../../api/result.ts";
import { estimateSpecs } from "../../components/estimate/estimate-specs.ts";
import { needOf as needOfController } from "../../controller/reconcile/need.ts";
import type { GgufHeader } from "../../gguf/header.ts";
import type { ServedSubject } from "../../policies/definition.ts";
import { needOf as needOfPolicies } from "../../policies/fleet/need.ts";
import { options } from "../agent/samples.ts";
import { gemmaFile } from "../support/gemma-header.ts";
import { modelManifest, serviceManifest } from "../support/manifests.ts";
import { headerOf } from "../support/truth-models.ts";

/** What is asked of a service, as its manifest says it. */
interface Case {
  readonly spec: object;
  readonly annotations: Readonly<Record<string, string>> | undefined;
}

const maybe = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined });
const cacheType = maybe(fc.constantFrom("f16", "q8_0", "q4_0"));
const promptCache = maybe(
  fc.oneof(
    fc.nat({ max: 4096 }).map((mib) => `${mib}Mi`),
    fc.constantFrom("auto", "off", "1.5Gi", "much"),
  ),
);
const cases: fc.Arbitrary<Case> = fc.record({
  spec: fc.record(
    {
      contextSize: maybe(fc.integer({ min: 1, max: 128 }).map((steps) => steps * 256)),
      parallelSlots: maybe(fc.integer({ min: 1, max: 8 })),
      cacheTypeK: cacheType,
      cacheTypeV: cacheType,
      flashAttention: maybe(fc.boolean()),
      uBatchSize: maybe(fc.constantFrom(64, 512)),
      mode: maybe(fc.constantFrom("chat", "embedding", "rerank")),
      extraArgs: maybe(fc.constantFrom(["--temp", "1"], ["--cache-ram", "64"])),
      noKvOffload: maybe(fc.constantFrom(false, true)),
    },
    { requiredKeys: [] },
  ),
  annotations: promptCache.map((asked) =>
    asked === undefined ? undefined : { [ON_DEMAND_ANNOTATIONS.promptCache]: asked },
  ),
});

describe("the need of one replica", () => {
  let source = "";
  let header: GgufHeader;
  let model: Model;

  before(async () => {
    source = await gemmaFile();
    header = await headerOf(source);
    model = parsed(modelManifest({ source, hardware: { accelerator: "metal", memoryBudget: "1Ti" } }), "Model");
  });

  /** Bytes; undefined: it is refused. */
  const fromPolicies = async (service: InferenceService): Promise<number | undefined> => {
    const subject = { annotations: service.metadata.annotations ?? {}, spec: service.spec };
    const served = { service: subject, model: { spec: model.spec }, draft: undefined } as unknown as ServedSubject;
    const need = await needOfPolicies(served, async () => ok(header));
    return need.state === "known" ? need.bytes : undefined;
  };

  const fromController = (service: InferenceService): number | undefined => {
    const headers = { look: () => ({ state: "read", header }) as const, peek: () => ({ state: "reading" }) as const };
    const need = needOfController({ service, model }, undefined, { ...headers, reads: () => 0 }, "chat");
    return need.state === "known" ? need.estimate.totalBytes : undefined;
  };

  const fromComponent = async ({ spec, metadata }: InferenceService): Promise<number | undefined> => {
    const specs = { model: model.spec, service: spec, annotations: metadata.annotations };
    const answer = await estimateSpecs({ ...specs, hostMemory: undefined });
    return answer.ok ? answer.value.estimatedMemory.totalBytes : undefined;
  };

  /** With a llama-server that places no token table with the GPU: what it then needs less is no part of what is agreed on. */
  const fromAgent = (service: InferenceService): number | undefined => {
    const older = new Set([...options].filter((option) => option !== "--override-tensor"));
    const host = { backend: "metal", deviceName: "MTL0", hostMemoryBytes: 2 ** 41, options: older } as const;
    const placement = { id: workloadId("chat"), host: "127.0.0.1", gracePeriodMs: 1, returnsAfterEviction: false };
    const desired = resolveService(service, { ...placement, placedBy: "folder" }, () => model, host);
    if (desired.kind !== "run") return undefined;
    const preparation = prepare(desired.workload, {
      server: () => ({ state: "usable", options: older }),
      header: () => ({ state: "read", header: ok(header) }),
      stored: () => ({ state: "ready", path: source }),
    });
    return preparation.stage === "ready" ? preparation.estimateBytes : undefined;
  };

  it("is one figure for policies, controller, component and agent, whatever the service asks for", async () => {
    const seen = { known: 0, cached: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(cases, async ({ spec, annotations }) => {
        const service = serviceOf(spec, annotations);
        const need = await fromPolicies(service);
        assert.deepEqual(
          { controller: fromController(service), component: await fromComponent(service), agent: fromAgent(service) },
          { controller: need, component: need, agent: need },
        );
        if (need === undefined) seen.refused += 1;
        else seen.known += 1;
        if (need !== undefined && /Mi$/.test(Object.values(annotations ?? {}).join())) seen.cached += 1;
      }),
      { numRuns: 150, examples: [[{ spec: {}, annotations: { [ON_DEMAND_ANNOTATIONS.promptCache]: "512Mi" } }]] },
    );
    assert(
      Object.values(seen).every((count) => count > 5),
      JSON.stringify(seen),
    );
  });
});

function serviceOf(spec: object, annotations: Case["annotations"]): InferenceService {
  const { metadata, ...rest } = serviceManifest(spec);
  const given = { ...rest, metadata: { ...Object(metadata), ...(annotations && { annotations }) } };
  return parsed(JSON.parse(JSON.stringify(given)), "InferenceService");
}

function parsed<Kind extends "Model" | "InferenceService">(document: unknown, kind: Kind) {
  const manifest = parseManifest(document);
  assert(manifest.ok, manifest.ok ? "" : manifest.error);
  assert.equal(manifest.value.kind, kind);
  return manifest.value as Extract<typeof manifest.value, { kind: Kind }>;
}
