import { COMPRESSED } from "./synthetic-shapes/compressed.ts";
import { DENSE } from "./synthetic-shapes/dense.ts";
import { ENCODERS } from "./synthetic-shapes/encoders.ts";
import { EXPERTS } from "./synthetic-shapes/experts.ts";
import { RECURRENT } from "./synthetic-shapes/recurrent.ts";
import type { SyntheticShape } from "./synthetic-shapes/shape.ts";
import { SLIDING } from "./synthetic-shapes/sliding.ts";
import { SPARSE } from "./synthetic-shapes/sparse.ts";

export type { SyntheticShape };

/** Published models that no case of test/fixtures/truth covers, by name. */
export const SYNTHETIC_SHAPES: Readonly<Record<string, SyntheticShape>> = {
  ...DENSE,
  ...SLIDING,
  ...EXPERTS,
  ...COMPRESSED,
  ...RECURRENT,
  ...ENCODERS,
  ...SPARSE,
};
