import assert from "node:assert/strict";
import { GiB, MiB } from "../../api/bytes.ts";
import type { PromptCache } from "../../api/on-demand.ts";
import type { EstimateSettings } from "../../memory/estimate/types.ts";
import {
  noEffectNote,
  promptCacheMiB,
  type Rereads,
  rereadsOf,
  servingBytes,
  withPromptCache,
} from "../../memory/prompt-cache.ts";
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
    ["auto: what is left, less a sixteenth", "auto", 2 * GiB, GiB, 960],
    ["auto: at most 8 GiB", "auto", 64 * GiB, GiB, 8192],
    ["auto: less 16 MiB at least", "auto", GiB + 100 * MiB, GiB, 84],
    ["auto: no less than 64 MiB", "auto", GiB + 80 * MiB, GiB, 64],
    ["auto: nothing in less", "auto", GiB + 79 * MiB, GiB, 0],
    ["auto: nothing where the model itself does not fit", "auto", GiB, 2 * GiB, 0],
  ];
  for (const [what, wanted, allowedBytes, needBytes, mib] of cases) {
    it(what, () => assert.equal(promptCacheMiB(wanted, { allowedBytes, needBytes, rereads: undefined }), mib));
  }

  const withoutEffect: readonly (readonly [
    wanted: PromptCache,
    rereads: Rereads,
    mib: number,
    note: RegExp | undefined,
  ])[] = [
    ["auto", "sliding-window", 0, /: auto has no effect: the model has sliding-window layers, with which /],
    ["auto", "recurrent", 0, /: auto has no effect: the model has recurrent layers, with which /],
    [512 * MiB, "sliding-window", 512, /: the prompt cache takes memory without effect: the model has sliding-window /],
    ["off", "recurrent", 0, undefined],
  ];
  for (const [wanted, rereads, mib, note] of withoutEffect) {
    it(`${wanted} with ${rereads} layers: ${mib} MiB, and ${note ? "a" : "no"} note`, () => {
      assert.equal(promptCacheMiB(wanted, { allowedBytes: 8 * GiB, needBytes: GiB, rereads }), mib);
      const told = noEffectNote(wanted, rereads);
      if (note === undefined) assert.equal(told, undefined);
      else assert.match(told ?? "", note);
    });
  }

  it("has no note where it has an effect", () => assert.equal(noEffectNote("auto", undefined), undefined));

  it("never reaches the limit with auto", () => {
    for (let left = 0; left < 20 * GiB; left += 37 * MiB + 1) {
      assert(promptCacheMiB("auto", { allowedBytes: GiB + left, needBytes: GiB, rereads: undefined }) * MiB <= left);
    }
  });
});

describe("an estimate with a prompt cache", () => {
  const parts = { weights: 100 * MiB, kv: 10 * MiB, loading: 30 * MiB };

  it("has it as a part of its own, beside what the server holds once it has loaded", () => {
    assert.deepEqual(withPromptCache(parts, 20), { ...parts, loading: 10 * MiB, promptCache: 20 * MiB });
    assert.equal(withPromptCache(parts, 64)["loading"], 0);
    assert.equal(servingBytes(withPromptCache(parts, 64)), 110 * MiB);
  });

  it("has no such part without one", () => {
    assert.deepEqual(withPromptCache({ ...parts, promptCache: MiB }, 0), parts);
  });
});

describe("the layers for which a prompt cache has no effect", () => {
  const shapes: readonly (readonly [shape: string, rereads: Rereads | undefined])[] = [
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
      assert.equal(rereadsOf(await syntheticHeader(shape, await temporaryDirectory()), SETTINGS), rereads);
    });
  }

  it("Gemma 3: sliding-window, unless they keep the whole context or have no window", async () => {
    const gemma = await gemmaHeader();
    const full: EstimateSettings = { ...SETTINGS, swaFull: true };
    assert.deepEqual(
      [rereadsOf(gemma, SETTINGS), rereadsOf(gemma, full), rereadsOf(await gemmaWithoutWindow(), SETTINGS)],
      ["sliding-window", undefined, undefined],
    );
  });

  it("are none where nobody knows", async () => {
    const gemma = await gemmaHeader();
    const unknown = { ...gemma, metadata: new Map([...gemma.metadata, ["general.architecture", "nobody"]] as const) };
    assert.equal(rereadsOf(unknown, SETTINGS), undefined);
  });
});
