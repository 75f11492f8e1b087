import { blocked, hungDisk, stoppedMain, unreadOutput } from "./faults-of-process.ts";
import { fourFifos, fullBacklog, secondAgent, vanishedFolder } from "./faults-of-surroundings.ts";
import type { Fault } from "./faults-scene.ts";

export const FAULTS: readonly Fault[] = [
  blocked,
  stoppedMain,
  hungDisk,
  fourFifos,
  fullBacklog,
  unreadOutput,
  vanishedFolder,
  secondAgent,
];
