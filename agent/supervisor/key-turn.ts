import { nextKeyChange } from "../decisions/key-change.ts";
import type { Preparation } from "../workload/prepare.ts";
import type { WorkloadId } from "../workload/workload-id.ts";
import type { Entry } from "./entry.ts";
import type { KeyFiles } from "./key-files.ts";
import type { Wanted } from "./options.ts";
import { hasOtherKeys } from "./running.ts";

/** Of one tick. */
interface Situation {
  readonly wanted: Wanted;
  readonly preparations: ReadonlyMap<WorkloadId, Preparation>;
  readonly keys: KeyFiles;
}

/**
 * The workload whose server restarts now because the keys in its file changed; undefined if none does. The others with old keys get a
 * note. Only what would start again is stopped.
 */
export function turnToChangeKeys(
  entries: readonly Entry[],
  { wanted, preparations, keys }: Situation,
): WorkloadId | undefined {
  const users = entries.map((entry) => {
    const { id, name } = entry;
    const isWanted = wanted.workloads.get(id)?.kind === "run";
    entry.changesKeys &&= isWanted && !isBack(entry);
    const startable = isWanted && preparations.get(id)?.stage === "ready";
    const stale = holdsOldKeys(entry, keys);
    return { id, name, oldKeys: stale && startable, restarting: entry.changesKeys, stale, entry };
  });
  const { restart, waitsFor } = nextKeyChange(users);
  for (const { id, oldKeys, stale, entry } of users) {
    if (id === restart) entry.changesKeys = true;
    const wait = oldKeys
      ? `it restarts with the new ones once ${waitsFor} is Ready again`
      : "a restart would be refused";
    entry.keyNote = stale && id !== restart ? `it still accepts the API keys of before: ${wait}` : undefined;
  }
  return restart;
}

/** With the new keys, or asleep: whoever wakes it gets it with them. */
function isBack({ running, rest }: Entry): boolean {
  return running?.phase === "ready" || (running === undefined && rest?.kind === "sleeps");
}

function holdsOldKeys({ running }: Entry, keys: KeyFiles): boolean {
  const file = running?.started.fields.apiKeyFile;
  if (running === undefined || running.phase === "stopping" || file === undefined) return false;
  const { keys: held, problem } = keys.known(file);
  return problem === undefined && held !== undefined && hasOtherKeys(running, held.digest);
}
