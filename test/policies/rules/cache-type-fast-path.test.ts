import { cacheTypeFastPath } from "../../../policies/rules/cache-type-fast-path.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { UNKNOWN } from "../analyse.ts";
import { matches, modelFile, reports, reportsOf } from "./table.ts";

const metal = { hardware: { accelerator: "metal" } };

describe("cache-type-fast-path", () => {
  reports(cacheTypeFastPath, [
    { it: "accepts the default", model: metal, service: {}, reports: [] },
    { it: "accepts one type for both", model: metal, service: { cacheTypeK: "q8_0", cacheTypeV: "q8_0" }, reports: [] },
    {
      it: "reports two types, and names both choices",
      model: metal,
      service: { cacheTypeK: "q5_1", cacheTypeV: "q8_0" },
      reports: [
        "InferenceService default/gemma: Metal has no flash attention for a K cache in q5_1 with a V cache in q8_0, so the CPU computes the" +
          " attention: slowly, and with a larger buffer.\nWhat would be fast: spec.cacheTypeK and spec.cacheTypeV of one type, q8_0 for both" +
          " or q5_1 for both.",
      ],
    },
    {
      it: "reports iq4_nl",
      model: metal,
      service: { cacheTypeK: "iq4_nl", cacheTypeV: "iq4_nl" },
      reports: [/a K cache in iq4_nl.*\nWhat would be fast: .* of one type, q4_0 for both\.$/],
    },
    {
      it: "takes the default type for one that is not set",
      model: metal,
      service: { cacheTypeK: "q8_0" },
      reports: [/q8_0 with a V cache in f16/],
    },
    {
      it: "takes a custom type",
      model: metal,
      service: { cacheTypeCustomK: "bf16" },
      reports: [/f16 for both or bf16 for both/],
    },
    {
      it: "does not ask without flash attention",
      model: metal,
      service: { cacheTypeK: "q8_0", flashAttention: false },
      reports: [],
    },
    { it: "does not ask on the CPU", service: { cacheTypeK: "q8_0" }, reports: [] },
    { it: "does not ask other servers", model: metal, service: { runtime: "vllm", cacheTypeK: "q8_0" }, reports: [] },
    {
      it: "says of a type that is none what it is called, where memory-fits does not",
      model: metal,
      service: { cacheTypeCustomK: "turbo3" },
      reports: [/^InferenceService default\/gemma: spec\.cacheTypeCustomK is "turbo3": one of f16, .* is expected\.$/],
    },
    {
      it: "waits for a type that is not known yet",
      model: metal,
      service: { cacheTypeK: UNKNOWN },
      reports: [
        "note: InferenceService default/gemma: spec.cacheTypeK is not known yet and will be checked during the update.",
      ],
    },
  ]);

  it("knows from the header which caches a model has", async () => {
    const source = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
    const model = { source, ...metal };
    matches(await reportsOf(cacheTypeFastPath, { model, service: { cacheTypeK: "q8_0" } }), [
      /in q8_0 with a V cache in f16/,
    ]);
    matches(await reportsOf(cacheTypeFastPath, { model, service: {} }), []);
  });

  it("says where a model's heads have a width that Metal has not", async () => {
    const source = await modelFile({ "llama.embedding_length": 60, "llama.attention.head_count": 1 });
    matches(await reportsOf(cacheTypeFastPath, { model: { source, ...metal }, service: {} }), [
      /Metal has no flash attention for heads of width 60, so .*\nWhat would be fast: spec\.flashAttention false, with which the GPU/,
    ]);
  });
});
