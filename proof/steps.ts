import type { Step } from "./step.ts";
import { adoption } from "./steps/adoption.ts";
import { agentStopped, kernelCap } from "./steps/agent-stopped.ts";
import { brewNode } from "./steps/brew-node.ts";
import { budgetLowered } from "./steps/budget-lowered.ts";
import { demo } from "./steps/demo.ts";
import { doctor } from "./steps/doctor.ts";
import { estimate } from "./steps/estimate.ts";
import { exfat } from "./steps/exfat.ts";
import { footprint } from "./steps/footprint.ts";
import { fsevents } from "./steps/fsevents.ts";
import { launchd } from "./steps/launchd.ts";
import { parsers } from "./steps/parsers.ts";
import { pressure } from "./steps/pressure.ts";
import { privacy } from "./steps/privacy.ts";
import { projection } from "./steps/projection.ts";
import { devices, serverAnswers } from "./steps/server-answers.ts";
import { sleep } from "./steps/sleep.ts";
import { startTime, systemTimeZone } from "./steps/start-time.ts";
import { jetsamBand, taskpolicy } from "./steps/taskpolicy.ts";

/** All steps, in the order in which they run: what only looks comes first, what disturbs the machine last. */
export const STEPS: readonly Step[] = [
  ...[parsers, serverAnswers, devices, doctor, startTime, footprint, taskpolicy, jetsamBand, fsevents],
  ...[projection, estimate, budgetLowered, agentStopped, kernelCap, adoption, demo],
  ...[launchd, brewNode, privacy, exfat, pressure, systemTimeZone, sleep],
];
