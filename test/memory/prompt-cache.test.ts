import assert from "node:assert/strict";
import { GiB, MiB } from "../../api/bytes.ts";
import type { PromptCache } from "../../api/on-demand.ts";
import { sumOf } from "../../memory/estimate/estimate.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import {
  cacheBytes,
  noEffectNote,
  promptCacheMiB,
  type Rereads,
  rereadsOf,
  servingBytes,
  withPromptCache,
  withQuantity,
} from "../../memory/prompt-cache.ts";
import { estimateServed, type Served } from "../../memory/served.ts";
import { gemmaHeader, gemmaWithoutWindow } from "../support/gemma-header.ts";
import { SETTINGS } from "../support/settings.ts";
import { syntheticHeader } from "../support/synthetic-models.ts";
import { SYNTHETIC_SHAPES } from "../support/synthetic-shapes.ts";
import { temporaryDirectory } from "../support/workspace.ts";

describe("the size of a prompt cache", () => {
  const cases: readonly (readonly [what: string, wanted: PromptCache, allowed: number, need: number, mib: number])[] = [
    ["off", "off", 8 * GiB, GiB, 0],
    ["a quantity, whatever is left", 512 * MiB, GiB, GiB, 512],
    ["a quantity in whole MiB", 512 * MiB + 12345, 8 * GiB, GiB, 512],
    ["auto: what is left, with a sixteenth of it beside it", "auto", 2 * GiB, GiB, 963],
    ["auto: at most 8 GiB", "auto", 64 * GiB, GiB, 8192],
    ["auto: with 16 MiB beside it at least", "auto", GiB + 100 * MiB, GiB, 84],
    ["auto: no less than 64 MiB", "auto", GiB + 80 * MiB, GiB, 64],
    ["auto: nothing in less", "auto", GiB + 79 * MiB, GiB, 0],
    ["auto: nothing where the model itself does not fit", "auto", GiB, 2 * GiB, 0],
  ];
  for (const [what, wanted, allowedBytes, needBytes, mib] of cases) {
    it(what, () => assert.equal(promptCacheMiB(wanted, { allowedBytes, needBytes, rereads: undefined }), mib));
  }

  /** Of each of two slots: two checkpoints of 30 MiB. */
  const rereads: Rereads = { layers: "sliding-window", checkpointBytes: 120 * MiB, conversationBytes: 90 * MiB };
  const beside: readonly (readonly [what: string, wanted: PromptCache, allowed: number, mib: number])[] = [
    ["off", "off", 8 * GiB, 0],
    ["a quantity, whatever is left", 512 * MiB, GiB, 512],
    ["auto: what is left beside the checkpoints, with a sixteenth of it beside it", "auto", 2 * GiB, 850],
    ["auto: at most 8 GiB", "auto", 64 * GiB, 8192],
    ["auto: no less than a conversation", "auto", GiB + 226 * MiB, 90],
    ["auto: nothing in less", "auto", GiB + 225 * MiB, 0],
    ["auto: nothing where the checkpoints alone do not fit", "auto", GiB + 100 * MiB, 0],
  ];
  for (const [what, wanted, allowedBytes, mib] of beside) {
    it(`with checkpoints, ${what}`, () =>
      assert.equal(promptCacheMiB(wanted, { allowedBytes, needBytes: GiB, rereads }), mib));
  }

  const notes: readonly (readonly [wanted: PromptCache, of: Rereads | undefined, note: RegExp | undefined])[] = [
    [
      64 * MiB,
      rereads,
      /: the prompt cache is too small for a long conversation: with sliding-window layers .* 90Mi or/,
    ],
    [90 * MiB, rereads, undefined],
    [64 * MiB, undefined, undefined],
    ["auto", rereads, undefined],
    ["off", rereads, undefined],
  ];
  for (const [wanted, of, note] of notes) {
    it(`${wanted}${of ? " with checkpoints" : ""}: ${note ? "a" : "no"} note`, () => {
      const told = noEffectNote(wanted, of);
      if (note === undefined) assert.equal(told, undefined);
      else assert.match(told ?? "", note);
    });
  }

  it("never reaches the limit with auto", () => {
    for (let left = 0; left < 20 * GiB; left += 37 * MiB + 1) {
      const sizeMiB = promptCacheMiB("auto", { allowedBytes: GiB + left, needBytes: GiB, rereads: undefined });
      assert(cacheBytes({ sizeMiB }) <= left);
    }
  });
});

describe("an estimate with a prompt cache", () => {
  const parts = { weights: 100 * MiB, kv: 10 * MiB, loading: 30 * MiB };

  it("has it as a part of its own, beside what the server holds once it has loaded", () => {
    assert.deepEqual(withPromptCache(parts, { sizeMiB: 10 }), { ...parts, loading: 10 * MiB, promptCache: 20 * MiB });
    assert.equal(withPromptCache(parts, { sizeMiB: 64 })["loading"], 0);
    assert.equal(servingBytes(withPromptCache(parts, { sizeMiB: 64 })), 110 * MiB);
  });

  it("has its checkpoints as a part beside it", () => {
    const cached = withPromptCache({ ...parts, checkpoints: MiB }, { sizeMiB: 10, checkpointBytes: 5 * MiB });
    assert.deepEqual(cached, { ...parts, loading: 5 * MiB, promptCache: 20 * MiB, checkpoints: 5 * MiB });
    assert.equal(servingBytes(cached), 110 * MiB);
    assert.equal(cacheBytes({ sizeMiB: 10, checkpointBytes: 5 * MiB }), 25 * MiB);
  });

  it("has no such part without one", () => {
    const before = { ...parts, promptCache: MiB, checkpoints: MiB };
    assert.deepEqual(withPromptCache(before, { sizeMiB: 0 }), parts);
    assert.deepEqual(withPromptCache(before, { sizeMiB: 0, checkpointBytes: MiB }), parts);
  });
});

describe("the layers that need checkpoints beside a prompt cache", () => {
  const shapes: readonly (readonly [shape: string, rereads: Rereads["layers"] | undefined])[] = [
    ["llama3.1-8b", undefined],
    ["gemma3-12b", "sliding-window"],
    ["gpt-oss-120b", "sliding-window"],
    ["mamba2-2.7b", "recurrent"],
    ["rwkv7-2.9b", "recurrent"],
    ["jamba-mini", "recurrent"],
    ["lfm2-1.2b", "recurrent"],
    ["qwen3.5-35b-a3b", "recurrent"],
  ];
  for (const [name, rereads] of shapes) {
    it(`${name}: ${rereads ?? "none"}`, async () => {
      const shape = SYNTHETIC_SHAPES[name];
      assert(shape !== undefined);
      assert.equal(
        rereadsOf({ header: await syntheticHeader(shape, await temporaryDirectory()) }, SETTINGS)?.layers,
        rereads,
      );
    });
  }

  it("Gemma 3: sliding-window, unless they keep the whole context or have no window", async () => {
    const gemma = await gemmaHeader();
    const full: EstimateSettings = { ...SETTINGS, swaFull: true };
    assert.deepEqual(
      [
        rereadsOf({ header: gemma }, SETTINGS)?.layers,
        rereadsOf({ header: gemma }, full),
        rereadsOf({ header: await gemmaWithoutWindow() }, SETTINGS),
      ],
      ["sliding-window", undefined, undefined],
    );
  });

  it("have two checkpoints of 7.5 MiB in each slot of Gemma 3 270M, and a conversation in the cache has its own", async () => {
    const settings: EstimateSettings = {
      ...SETTINGS,
      contextSize: 8192,
      parallel: 2,
      cacheTypeK: "f16",
      cacheTypeV: "f16",
    };
    const found = rereadsOf({ header: await gemmaHeader() }, settings);
    assert.deepEqual([found?.checkpointBytes, found?.conversationBytes], [30 * MiB, 22.5 * MiB]);
  });

  it("counts those of a draft model once, with a quantity and with auto", async () => {
    const header = await gemmaHeader();
    const served = { header, draft: header };
    const asked = withQuantity(SETTINGS, 512 * MiB);
    const auto = { rereads: rereadsOf(served, SETTINGS), parts: partsOf(served, SETTINGS) };
    const quantity = { rereads: rereadsOf(served, asked), parts: partsOf(served, asked) };
    const [one, other] = [auto, quantity].map(({ rereads, parts }) =>
      sumOf(withPromptCache({ ...parts, loading: 0 }, { sizeMiB: 512, checkpointBytes: rereads?.checkpointBytes })),
    );
    assert.equal(one, other);
    assert((auto.rereads?.checkpointBytes ?? 0) > (quantity.rereads?.checkpointBytes ?? 0));
  });

  it("are none where nobody knows", async () => {
    const gemma = await gemmaHeader();
    const unknown = { ...gemma, metadata: new Map([...gemma.metadata, ["general.architecture", "nobody"]] as const) };
    assert.equal(rereadsOf({ header: unknown }, SETTINGS), undefined);
  });
});

function partsOf(served: Served, settings: EstimateSettings) {
  const estimated = estimateServed(served, settings);
  assert(estimated.ok && estimated.value.confidence !== "unknown");
  return estimated.value.parts;
}
