import type { Step } from "./step.ts";
import { fsevents } from "./steps/fsevents.ts";
import { parsers } from "./steps/parsers.ts";

/** All steps, in the order in which they run: what changes nothing comes first, what disturbs the machine last. */
export const STEPS: readonly Step[] = [parsers, fsevents];
