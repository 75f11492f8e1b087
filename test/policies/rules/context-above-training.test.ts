import assert from "node:assert/strict";
import { contextAboveTraining } from "../../../policies/rules/context-above-training.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { preview, UNKNOWN } from "../analyse.ts";
import { model, service } from "../manifests.ts";

describe("context-above-training", () => {
  /** Trained with 131072 tokens. */
  let source: string;

  before(async () => {
    source = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
  });

  const what = "InferenceService default/gemma: spec.contextSize gives";
  const trained = "but Model default/gemma was trained with 131072 (its header says so)";
  const cases: ReadonlyArray<readonly [serving: object, settings: object, reports: readonly string[]]> = [
    [{ contextSize: 131072 }, {}, []],
    [{}, {}, []],
    [{ contextSize: 131073 }, {}, [`${what} 131073 tokens, ${trained}. What would fit: spec.contextSize of 131072.`]],
    [{ contextSize: 262144, parallelSlots: 2 }, {}, []],
    [
      { contextSize: 600000, parallelSlots: 2 },
      {},
      [`${what} 300000 tokens for each of 2 slots, ${trained}. What would fit: spec.contextSize of 262144.`],
    ],
    [{ contextSize: 196608 }, { times: 1.5 }, []],
    [
      { contextSize: 196609 },
      { times: 1.5 },
      [
        `${what} 196609 tokens, ${trained}, of which 1.5 times are allowed. What would fit: spec.contextSize of 196608.`,
      ],
    ],
    [{ contextSize: 262144, ropeScaling: { type: "yarn", factor: "2" } }, {}, []],
  ];
  for (const [serving, settings, reports] of cases) {
    it(`${reports.length === 0 ? "accepts" : "refuses"} ${JSON.stringify(serving)} with ${JSON.stringify(settings)}`, async () => {
      const found = await preview({ rules: [contextAboveTraining], options: { contextAboveTraining: settings } }, [
        model({ source }),
        service(serving),
      ]);
      assert.deepEqual(
        found,
        reports.map((text) => `context-above-training: ${text}`),
      );
    });
  }

  it("says what it cannot check yet", async () => {
    assert.deepEqual(
      await preview({ rules: [contextAboveTraining] }, [model({ source }), service({ contextSize: UNKNOWN })]),
      [
        "memory-notes: InferenceService default/gemma: spec.contextSize is not known yet and will be checked during the update.",
      ],
    );
  });

  it("leaves a header that cannot be read to memory-fits", async () => {
    const missing = model({ source: "/no/such/model.gguf" });
    assert.deepEqual(await preview({ rules: [contextAboveTraining] }, [missing, service({ contextSize: 262144 })]), []);
  });
});
