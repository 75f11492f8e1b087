import type { WorkloadId } from "../workload/workload-id.ts";

/** A workload whose server checks API keys. */
export interface KeyUser {
  readonly id: WorkloadId;
  readonly name: string;
  /** Its server was started with other keys than its file holds now. */
  readonly oldKeys: boolean;
  /** It was stopped for its old keys, is still wanted, and has neither become Ready nor fallen asleep since. */
  readonly restarting: boolean;
}

/** What follows from changed keys: at most one server restarts now, and the others wait for it. */
export interface KeyChange {
  readonly restart?: WorkloadId;
  /** Name of the workload that is restarting; undefined if none is. */
  readonly waitsFor?: string;
}

/** Servers with old keys restart one by one, by name, each only after the one before is Ready again, or sleeps: so the others go on serving. */
export function nextKeyChange(users: readonly KeyUser[]): KeyChange {
  const restarting = users.find((user) => user.restarting);
  if (restarting !== undefined) return { waitsFor: restarting.name };
  const stale = users.filter(({ oldKeys }) => oldKeys);
  const [first] = stale.toSorted((a, b) => (a.name < b.name || (a.name === b.name && a.id < b.id) ? -1 : 1));
  return first === undefined ? {} : { restart: first.id, waitsFor: first.name };
}
