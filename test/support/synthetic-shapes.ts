import { COMPRESSED } from "./synthetic-shapes/compressed.ts";
import { DENSE } from "./synthetic-shapes/dense.ts";
import { ENCODERS } from "./synthetic-shapes/encoders.ts";
import { EXPERTS } from "./synthetic-shapes/experts.ts";
import { RECURRENT } from "./synthetic-shapes/recurrent.ts";
import type { TwinShape } from "./synthetic-shapes/shape.ts";
import { SLIDING } from "./synthetic-shapes/sliding.ts";

export type { TwinShape };

/** Published models that no case of test/fixtures/truth covers, by name. */
export const TWIN_SHAPES: Readonly<Record<string, TwinShape>> = {
  ...DENSE,
  ...SLIDING,
  ...EXPERTS,
  ...COMPRESSED,
  ...RECURRENT,
  ...ENCODERS,
};
