import { COMPRESSED } from "./twin-shapes/compressed.ts";
import { DENSE } from "./twin-shapes/dense.ts";
import { ENCODERS } from "./twin-shapes/encoders.ts";
import { EXPERTS } from "./twin-shapes/experts.ts";
import { RECURRENT } from "./twin-shapes/recurrent.ts";
import type { TwinShape } from "./twin-shapes/shape.ts";
import { SLIDING } from "./twin-shapes/sliding.ts";

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
