import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileNameOf } from "../workload/workload-id.ts";
import { type Adopting, takeOver, tellOf } from "./adopt.ts";
import type { AdoptedServer, Unclear } from "./options.ts";
import { type FoundRecord, recordName } from "./records.ts";

export interface UnclearRecords extends Unclear {
  /** Gets a record, which is looked at again and again from now on. */
  readonly add: (found: FoundRecord) => void;
}

/** Between two looks, in milliseconds. */
const LOOK_MS = 10_000;

/**
 * @param changed called when something has become clear
 * @param wait for tests
 */
export function unclearRecords(
  adopting: Adopting,
  changed: () => void,
  wait: () => Promise<unknown> = () => sleep(LOOK_MS, undefined, { ref: false }),
): UnclearRecords {
  const records = new Map<string, FoundRecord>();
  let taken: readonly AdoptedServer[] = [];
  let looking = false;

  const settled = (found: FoundRecord) => {
    records.delete(recordName(found));
    changed();
  };
  const look = async (found: FoundRecord) => {
    // A person has removed it: that is an answer.
    if (!existsSync(found.path)) return settled(found);
    try {
      const one = await takeOver(found, adopting);
      tellOf(one, adopting.log);
      if (one.adopted !== undefined) taken = [...taken, one.adopted];
      settled(found);
    } catch {
      // It stays unclear.
    }
  };
  const lookAgain = async () => {
    looking = true;
    while (records.size > 0) {
      await wait();
      await Promise.all([...records.values()].map(look));
    }
    looking = false;
  };
  return {
    add: (found) => {
      records.set(recordName(found), found);
      if (!looking) adopting.background("looking for the servers of an earlier agent", lookAgain());
    },
    holdOf: (id) => {
      const found = records.get(fileNameOf(id));
      return (
        found && {
          state: "Pending",
          reason: "ServerUnclear",
          message: `whether its llama-server of an earlier agent still runs cannot be told: looking again; if none runs, remove ${found.path}`,
        }
      );
    },
    adopted: () => {
      const now = taken;
      taken = [];
      return now;
    },
  };
}
