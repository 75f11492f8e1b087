import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { SETTINGS } from "../../support/settings.ts";
import { syntheticHeader } from "../../support/synthetic-models.ts";
import { SYNTHETIC_SHAPES } from "../../support/synthetic-shapes.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** Device buffers in MiB that public logs of Macs name for Gemma 4 12B, with keys and values in q8_0. */
const GEMMA4_12B = [
  [512, 4096, 127.8],
  [512, 16384, 139.8],
  [1024, 4096, 255.32],
  [1024, 16384, 279.32],
  [2048, 4096, 513.35],
  [2048, 16384, 561.35],
] as const;

describe("estimate, against public logs of Macs", () => {
  let header: GgufHeader;
  before(async () => {
    const shape = SYNTHETIC_SHAPES["gemma4-12b"];
    assert.ok(shape);
    header = await syntheticHeader(shape, await temporaryDirectory());
  });

  for (const [ubatchSize, contextSize, printed] of GEMMA4_12B) {
    it(`Gemma 4 12B, -ub ${ubatchSize} -c ${contextSize}`, () => {
      const found = estimate(header, {
        ...SETTINGS,
        ...{ backend: "metal", parallel: 1, cacheTypeK: "q8_0", cacheTypeV: "q8_0" },
        ...{ contextSize, ubatchSize, batchSize: 2048 },
      });
      assert.ok(found.ok && found.value.confidence !== "unknown", JSON.stringify(found));
      const device = found.value.computeBytes.device / MiB;
      assert.ok(device >= printed, `${device.toFixed(2)} MiB is less than ${printed}`);
      assert.ok(device <= printed * 1.01, `${device.toFixed(2)} MiB is far above ${printed}`);
    });
  }

  it("has a sliding layer's scratch span its own cells, not the whole context", () => {
    const shortest = deviceAt(131_072);
    const longest = deviceAt(262_144);
    // A layer with full attention has one key head and one value head of width 512; masks are f16.
    const grown = (2 * 1024 + 2 * 512 + 1) * 131_072;
    assert.ok(Math.abs(longest - shortest - grown) < MiB, `${longest - shortest} bytes more, not ${grown}`);
  });

  function deviceAt(contextSize: number): number {
    const found = estimate(header, { ...SETTINGS, backend: "metal", parallel: 1, contextSize, ubatchSize: 512 });
    assert.ok(found.ok && found.value.confidence !== "unknown", JSON.stringify(found));
    return found.value.computeBytes.device;
  }
});
