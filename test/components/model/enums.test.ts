import assert from "node:assert/strict";
import { hardwareSchema } from "../../../api/hardware.ts";
import { inferenceServiceSpecSchema } from "../../../api/inferenceservice.ts";
import { modelSpecSchema } from "../../../api/model.ts";
import { CACHE_TYPES } from "../../../api/server-defaults.ts";
import { Accelerator, CacheType, Priority, WeightsFormat } from "../../../components/index.ts";

describe("enums of the components", () => {
  const pairs: ReadonlyArray<readonly [name: string, values: object, fields: readonly string[]]> = [
    ["Accelerator", Accelerator, hardwareSchema.shape.accelerator.unwrap().options],
    ["CacheType", CacheType, CACHE_TYPES],
    ["Priority", Priority, inferenceServiceSpecSchema.shape.priority.unwrap().options],
    ["WeightsFormat", WeightsFormat, modelSpecSchema.shape.format.unwrap().options],
  ];
  for (const [name, values, fields] of pairs) {
    it(`${name} has the values of the API field, no more and no fewer`, () => {
      assert.deepEqual(Object.values(values).toSorted(), fields.toSorted());
    });
  }
});
