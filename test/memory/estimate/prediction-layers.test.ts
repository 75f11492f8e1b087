import assert from "node:assert/strict";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { SETTINGS } from "../../support/settings.ts";
import { syntheticHeader } from "../../support/synthetic-models.ts";
import { shape } from "../../support/synthetic-shapes/shape.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("estimate of a file with a layer for multi-token prediction", () => {
  for (const architecture of ["cohere2moe", "deepseek2", "bailingmoe2"]) {
    it(`${architecture}: the main context has no cache of that layer`, async () => {
      const kv = async (layers: number, keys: Readonly<Record<string, number>>) => {
        const model = shape(architecture, `${layers} 2048 16 4 4096 32000`, keys);
        const found = estimate(await syntheticHeader(model, await temporaryDirectory()), SETTINGS);
        assert.ok(found.ok && found.value.confidence !== "unknown", JSON.stringify(found));
        return found.value.contextBytes.kv;
      };
      assert.ok((await kv(4, {})) > (await kv(3, {})));
      assert.equal(await kv(4, { nextn_predict_layers: 1 }), await kv(3, {}));
    });
  }
});
