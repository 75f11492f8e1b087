import type { WantedCondition } from "../../kube/conditions.ts";

/** Status, reason and message of a condition. */
export type Told = readonly [status: WantedCondition["status"], reason: string, message: string];
