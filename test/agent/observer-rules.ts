/**
 * What an observer outside the agent holds it to, as decisions over readings of /proc. It knows the budgets from the test that wrote the
 * manifests, and nothing from the agent.
 */

/** One process group that writes to a log of the agent: a llama-server, or one that is asked for its projection. */
export interface SeenGroup {
  /** `default/chat`. */
  readonly workload: string;
  readonly projection: boolean;
  /** Process group, which tells two servers of one workload apart. */
  readonly group: number;
  readonly bytes: number;
}

export interface Reading {
  /** Milliseconds of a clock that never goes back. */
  readonly at: number;
  readonly groups: readonly SeenGroup[];
}

/** A limit and what it was before: while the agent has not heard of a change, it may hold to either. */
export interface Limit {
  readonly bytes: number;
  readonly before?: { readonly bytes: number; readonly until: number };
}

export interface Limits {
  readonly budgets: ReadonlyMap<string, Limit>;
  /** What all models together may use. It is also the budget of a workload without one. */
  readonly share: Limit;
}

/**
 * A server may be over for two samples of the agent, a second apart, and the moment that the kill takes. Over at each reading for this
 * long means: for three samples in a row.
 */
export const OVER_MS = 2500;
/** How long the agent may take to hear of a changed budget: a change to a linked file is seen within 5 s. */
export const CHANGE_MS = 8000;

/** When each thing that is wrong was seen first, by its description; what is right again is forgotten. */
export type Since = ReadonlyMap<string, { readonly at: number; readonly reported: boolean }>;

export interface Judged {
  readonly since: Since;
  /** Sentences about what has become a violation with this reading. */
  readonly violations: readonly string[];
}

export const NOTHING_WRONG: Since = new Map();

/** Judges one reading, given what was wrong in the readings before it. */
export function judge(before: Since, { at, groups }: Reading, limits: Limits): Judged {
  const since = new Map<string, { at: number; reported: boolean }>();
  const violations: string[] = [];
  for (const { key, text, afterMs } of wrong(groups, at, limits)) {
    const first = before.get(key) ?? { at, reported: false };
    const reported = first.reported || at - first.at >= afterMs;
    if (reported && !first.reported) violations.push(text);
    since.set(key, { at: first.at, reported });
  }
  return { since, violations };
}

interface Wrong {
  readonly key: string;
  readonly text: string;
  readonly afterMs: number;
}

function wrong(groups: readonly SeenGroup[], at: number, { budgets, share }: Limits): readonly Wrong[] {
  const shareBytes = allowed(share, at);
  const over = groups.flatMap(({ workload, projection, group, bytes }) => {
    const budget = Math.min(allowed(budgets.get(workload) ?? share, at), shareBytes);
    if (bytes <= budget) return [];
    const who = projection ? `the projection of ${workload}` : workload;
    const text = `${who} (process group ${group}) holds ${mib(bytes)} of its budget of ${mib(budget)} for three samples in a row`;
    return [{ key: `over ${group}`, text, afterMs: OVER_MS }];
  });
  const sum = groups.reduce((total, { bytes }) => total + bytes, 0);
  const together = `all servers together hold ${mib(sum)} of the machine's share of ${mib(shareBytes)} for three samples in a row`;
  return [
    ...over,
    ...(sum > shareBytes ? [{ key: "share", text: together, afterMs: OVER_MS }] : []),
    ...doubles(groups).map((workload) => {
      return { key: `two ${workload}`, text: `${workload} has two servers`, afterMs: 0 };
    }),
  ];
}

/** Workloads with more than one server. One that is asked for its projection serves nobody. */
function doubles(groups: readonly SeenGroup[]): readonly string[] {
  const names = groups.filter(({ projection }) => !projection).map(({ workload }) => workload);
  return [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
}

function allowed({ bytes, before }: Limit, at: number): number {
  return before !== undefined && at < before.until ? Math.max(bytes, before.bytes) : bytes;
}

/** The limit after a change. */
export function changed(limit: Limit | undefined, bytes: number, at: number): Limit {
  if (limit === undefined) return { bytes };
  if (limit.bytes === bytes) return limit;
  return { bytes, before: { bytes: allowed(limit, at), until: at + CHANGE_MS } };
}

function mib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
