import { stat } from "node:fs/promises";
import { errorCode } from "../../api/error-code.ts";
import type { Platform } from "../host/platform.ts";
import { sameStart } from "../host/start-time.ts";
import type { ClaimedProcess } from "./claim.ts";

/** How long a start time that was read stands for the process: where a Mac lacks koffi, reading it takes a command. */
const VERIFIED_MS = 10_000;

/** What this system shows about processes of any user. */
export interface Processes {
  /** False only if it is certain that there is no such process: what cannot be read is not dead. */
  alive(process: ClaimedProcess): Promise<boolean>;
  /** Whether a file of this user can be the work of this process. True where that cannot be told. */
  belongsTo(pid: number, uid: number): Promise<boolean>;
}

export function processesOf(platform: Pick<Platform, "startTime">, clock: () => number): Processes {
  const verified = new Map<string, number>();
  return {
    alive: async ({ pid, startTime }) => {
      const signal = canSignal(pid);
      const key = `${pid} ${startTime}`;
      if (signal === "gone") verified.delete(key);
      if (signal === "gone" || startTime === undefined) return signal !== "gone";
      if (clock() - (verified.get(key) ?? Number.NEGATIVE_INFINITY) < VERIFIED_MS) return true;
      verified.delete(key);
      const now = await platform.startTime(pid);
      // A process of our own that is not shown has ended and waits for its parent. One of another user may be hidden.
      if (now === null) return signal === "denied" && isHiding(platform);
      const isSame = now === undefined ? undefined : sameStart(now, startTime);
      if (isSame === true) verified.set(key, clock());
      return isSame !== false;
    },
    belongsTo: async (pid, uid) => {
      const owner = await stat(`/proc/${pid}`).catch(() => undefined);
      if (owner !== undefined) return owner.uid === uid;
      const self = process.getuid?.();
      if (self === undefined || self === 0) return true;
      return (canSignal(pid) === "allowed") === (uid === self);
    },
  };
}

function canSignal(pid: number): "allowed" | "denied" | "gone" {
  try {
    process.kill(pid, 0);
    return "allowed";
  } catch (error) {
    return errorCode(error) === "ESRCH" ? "gone" : "denied";
  }
}

/** Whether this system hides the processes of other users (`hidepid` on Linux): then it hides the first one too. */
async function isHiding({ startTime }: Pick<Platform, "startTime">): Promise<boolean> {
  return typeof (await startTime(1)) !== "string";
}
