import { contextAboveTraining } from "../../../policies/rules/context-above-training.ts";
import { UNKNOWN } from "../analyse.ts";
import { matches, modelFile, reports, reportsOf } from "./table.ts";

const TRAINED = "but Model default/gemma was trained with 32768, as its header says";
const CUT = "llama-server cuts each slot to 32768, and the memory for the rest is reserved for nothing.";
const ADVISED = "where the model's publisher recommends it.";

const cases: ReadonlyArray<readonly [service: object, found: readonly (string | RegExp)[]]> = [
  [{}, []],
  [{ contextSize: 32_768 }, []],
  [{ contextSize: 65_536, parallelSlots: 2 }, []],
  [
    { contextSize: 65_536 },
    [
      `InferenceService default/gemma: a slot would have 65536 tokens (spec.contextSize 65536), ${TRAINED}. ${CUT}\nWhat would fit:` +
        ` spec.contextSize 32768, or spec.ropeScaling of type yarn with factor "2" ${ADVISED}`,
    ],
  ],
  [
    { contextSize: 200_000, parallelSlots: 2 },
    [
      `InferenceService default/gemma: a slot would have 100000 tokens (spec.contextSize 200000, divided among spec.parallelSlots 2), ${TRAINED}.` +
        ` ${CUT}\nWhat would fit: spec.contextSize 65536, or spec.ropeScaling of type yarn with factor "4" ${ADVISED}`,
    ],
  ],
  [{ contextSize: 65_536, ropeScaling: { type: "yarn", factor: "2" } }, []],
  [{ contextSize: 131_072, ropeScaling: { type: "yarn", factor: "4.0", originalContext: 32_768 } }, []],
  [
    { contextSize: 131_072, ropeScaling: { type: "yarn", factor: "2.5" } },
    [
      /, as its header says, and spec\.ropeScaling extends 32768 by 2\.5 to 81920\. llama-server cuts each slot to 81920, .*\n.* or a larger factor of spec/,
    ],
  ],
  [
    { contextSize: 65_536, ropeScaling: { type: "yarn", factor: "2", originalContext: 16_384 } },
    [/extends 16384 by 2 to 32768\. llama-server cuts each slot to 32768/],
  ],
  [
    { contextSize: 65_536, ropeScaling: { type: "linear", factor: "2" } },
    [
      /, and spec\.ropeScaling of type linear does not change that for the server\. llama-server cuts each slot to 32768/,
    ],
  ],
  [
    { contextSize: 65_536, ropeScaling: { type: "yarn" } },
    [/, and spec\.ropeScaling without a factor does not change that/],
  ],
  [{ contextSize: 65_536, runtime: "vllm" }, []],
];

describe("context-above-training", () => {
  for (const [service, found] of cases) {
    it(`${found.length === 0 ? "accepts" : "reports"} ${JSON.stringify(service)}`, async () => {
      const model = { source: await modelFile({ "llama.context_length": 32_768 }) };
      matches(await reportsOf(contextAboveTraining, { model, service }), found);
    });
  }

  it("takes the original context of a model that was scaled when it was converted", async () => {
    const source = await modelFile({
      "llama.context_length": 131_072,
      "llama.rope.scaling.original_context_length": 32_768,
    });
    const service = { contextSize: 131_072, ropeScaling: { type: "yarn", factor: "2" } };
    matches(await reportsOf(contextAboveTraining, { model: { source }, service: { contextSize: 131_072 } }), []);
    matches(await reportsOf(contextAboveTraining, { model: { source }, service }), [/extends 32768 by 2 to 65536/]);
  });

  it("says nothing where the header does not say how the model was trained", async () => {
    const source = await modelFile({
      "general.architecture": "phi3",
      "phi3.block_count": 1,
      "phi3.embedding_length": 64,
    });
    matches(await reportsOf(contextAboveTraining, { model: { source }, service: { contextSize: 65_536 } }), []);
  });

  reports(contextAboveTraining, [
    {
      it: "notes a header that cannot be read, where memory-fits does not",
      model: { source: "/no/such.gguf" },
      service: { contextSize: 262_144 },
      reports: [
        /^note: InferenceService default\/gemma: the context of its model's training is not known, because the header cannot be read: /,
      ],
    },
    {
      it: "waits for what is not known yet",
      service: { contextSize: UNKNOWN },
      reports: [
        "note: InferenceService default/gemma: spec.contextSize is not known yet and will be checked during the update.",
      ],
    },
  ]);
});
