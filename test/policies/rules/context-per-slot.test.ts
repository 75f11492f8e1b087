import { contextPerSlot } from "../../../policies/rules/context-per-slot.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports } from "./table.ts";

describe("context-per-slot", () => {
  reports(contextPerSlot, [
    { it: "accepts a service without settings", service: {}, reports: [] },
    { it: "accepts slots with enough", service: { contextSize: 16_384, parallelSlots: 8 }, reports: [] },
    {
      it: "reports slots with too little, and what would be enough",
      service: { contextSize: 8192, parallelSlots: 6 },
      reports: [
        "InferenceService default/gemma gives each of its 6 slots 1365 tokens (spec.contextSize 8192, divided among spec.parallelSlots 6)." +
          " A chat needs at least 2048 (minTokens in the configuration of context-per-slot).\nWhat would be enough: spec.contextSize 12288," +
          " or spec.parallelSlots 4.",
      ],
    },
    {
      it: "says that the context is the default one",
      service: { parallelSlots: 2 },
      reports: [
        "InferenceService default/gemma gives each of its 2 slots 1024 tokens (spec.contextSize 2048, the default, divided among" +
          " spec.parallelSlots 2). A chat needs at least 2048 (minTokens in the configuration of context-per-slot).\nWhat would be enough:" +
          " spec.contextSize 4096, or spec.parallelSlots 1.",
      ],
    },
    {
      it: "names no number of slots where not even one has enough",
      service: { contextSize: 512 },
      reports: [
        "InferenceService default/gemma has 512 tokens of context (spec.contextSize 512). A chat needs at least 2048 (minTokens in the" +
          " configuration of context-per-slot).\nWhat would be enough: spec.contextSize 2048.",
      ],
    },
    {
      it: "holds a service to what is configured",
      service: { contextSize: 16_384, parallelSlots: 4 },
      config: { minTokens: 8192 },
      reports: [
        /gives each of its 4 slots 4096 tokens .* at least 8192 .*\nWhat would be enough: spec\.contextSize 32768, or spec\.parallelSlots 2\.$/,
      ],
    },
    { it: "leaves embeddings alone", service: { mode: "embedding", contextSize: 512 }, reports: [] },
    {
      it: "says each field that it waits for",
      service: { contextSize: UNKNOWN, parallelSlots: UNKNOWN },
      reports: [
        "note: InferenceService default/gemma: spec.contextSize is not known yet and will be checked during the update.",
        "note: InferenceService default/gemma: spec.parallelSlots is not known yet and will be checked during the update.",
      ],
    },
    {
      it: "refuses a configuration that it does not understand",
      service: {},
      config: { minTokens: 1 },
      reports: [
        /^The configuration of context-per-slot: minTokens is 1; it must be a whole number from 128 to 1048576/,
      ],
    },
  ]);
});
