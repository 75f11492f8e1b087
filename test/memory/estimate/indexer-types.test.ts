import assert from "node:assert/strict";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { SETTINGS } from "../../support/settings.ts";
import { syntheticHeader } from "../../support/synthetic-models.ts";
import { SPARSE } from "../../support/synthetic-shapes/sparse.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("estimate of a file with an indexer that does not say which layers have one", () => {
  for (const name of ["hy-v4-typed", "dots3-note"]) {
    for (const without of [false, true]) {
      it(`${name}${without ? " without the key: refuses" : ": counts"}`, async () => {
        const shape = SPARSE[name];
        assert.ok(shape !== undefined);
        const keys = Object.entries(shape.keys).filter(([key]) => !without || key !== "attention.indexer.types");
        const found = estimate(
          await syntheticHeader({ ...shape, keys: Object.fromEntries(keys) }, await temporaryDirectory()),
          SETTINGS,
        );
        assert.ok(found.ok, JSON.stringify(found));
        assert.equal(found.value.confidence === "unknown", without);
        if (without) assert.match(found.value.notes.join(), /lacks ".+\.attention\.indexer\.types"/);
      });
    }
  }
});
