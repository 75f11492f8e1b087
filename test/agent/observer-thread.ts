import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { measuredBytes } from "./measured.ts";
import {
  changed,
  judge,
  type Limit,
  NOTHING_WRONG,
  type Reading,
  type SeenGroup,
  type Since,
} from "./observer-rules.ts";

/** What the test tells the thread. */
export type Told =
  | { readonly kind: "budget"; readonly workload: string; readonly bytes: number }
  | { readonly kind: "share"; readonly bytes: number }
  /** The agent cannot hear of changes for now: it is blocked, stopped or dead. */
  | { readonly kind: "deaf"; readonly deaf: boolean }
  | { readonly kind: "site"; readonly stateDirectory: string }
  | { readonly kind: "note"; readonly text: string };

/** What the thread tells the test. */
export type Report =
  | { readonly kind: "reading"; readonly groups: readonly SeenGroup[] }
  | { readonly kind: "violation"; readonly text: string; readonly timeline: readonly string[] };

const READING_MS = 500;
const TIMELINE_LINES = 60;

const port = parentPort;
if (port === null) throw new Error("observer-thread.ts is a worker thread of observer.ts");
const { shareBytes } = workerData as { readonly shareBytes: number };
const folders: string[] = [];
const budgets = new Map<string, Limit>();
const timeline: string[] = [];
let share: Limit = { bytes: shareBytes };
let since: Since = NOTHING_WRONG;
let deaf = false;
// Stands still while the agent is deaf, so that the time to hear of a change begins when it hears again.
let heardMs = 0;
let lastMs = performance.now();

port.on("message", (told: Told) => {
  if (told.kind === "budget") budgets.set(told.workload, changed(budgets.get(told.workload), told.bytes, heardMs));
  else if (told.kind === "share") share = changed(share, told.bytes, heardMs);
  else if (told.kind === "deaf") deaf = told.deaf;
  else if (told.kind === "site") folders.push(join(told.stateDirectory, "logs"));
  if (told.kind !== "site") remember(JSON.stringify(told));
});
setInterval(look, READING_MS);

function look(): void {
  const at = performance.now();
  if (!deaf) heardMs += at - lastMs;
  lastMs = at;
  const groups = groupsOf(folders);
  remember(groups.map(describe).join(", ") || "nothing runs");
  // Two clocks: how long something has been wrong is real time, and how long a change may take is the time in which the agent can hear.
  const limits = { budgets: inRealTime(budgets, at), share: realTime(share, at) };
  const judged = judge(since, { at, groups } satisfies Reading, limits);
  since = judged.since;
  port?.postMessage({ kind: "reading", groups } satisfies Report);
  for (const text of judged.violations) {
    port?.postMessage({ kind: "violation", text, timeline: [...timeline] } satisfies Report);
  }
}

function realTime(limit: Limit, at: number): Limit {
  if (limit.before === undefined) return limit;
  const { bytes, until } = limit.before;
  return { bytes: limit.bytes, before: { bytes, until: until - heardMs + at } };
}

function inRealTime(limits: ReadonlyMap<string, Limit>, at: number): ReadonlyMap<string, Limit> {
  return new Map([...limits].map(([name, limit]) => [name, realTime(limit, at)]));
}

function remember(text: string): void {
  timeline.push(`${new Date().toISOString().slice(11, 23)} ${text}`);
  if (timeline.length > TIMELINE_LINES) timeline.shift();
}

function describe({ workload, projection, group, bytes }: SeenGroup): string {
  return `${workload}${projection ? " (projection)" : ""} [${group}] ${(bytes / 2 ** 20).toFixed(0)} MiB`;
}

interface Member {
  readonly pid: number;
  readonly group: number;
  readonly started: string;
}

/** The process groups that write to the logs in `logFolders`, each with the memory of all its processes. */
function groupsOf(logFolders: readonly string[]): readonly SeenGroup[] {
  const members = readdirSync("/proc").flatMap((entry) => memberOf(entry) ?? []);
  const owners = new Map<number, { readonly workload: string; readonly projection: boolean }>();
  for (const { pid, group } of members) {
    const owner = ownerOf(
      attempt(() => readlinkSync(`/proc/${pid}/fd/1`)),
      logFolders,
    );
    if (owner !== undefined) owners.set(group, owner);
  }
  return [...owners].flatMap(([group, owner]) => {
    const own = members.filter((member) => member.group === group);
    const bytes = own.reduce((sum, { pid }) => sum + measuredBytes(pid), 0);
    // A reading takes a while: what has ended meanwhile must not stand beside what started meanwhile.
    const lives = own.some(({ pid, started }) => memberOf(String(pid))?.started === started);
    return bytes > 0 && lives ? [{ ...owner, group, bytes }] : [];
  });
}

/** Undefined for what is no process, or one that has ended. */
function memberOf(entry: string): Member | undefined {
  if (!/^\d+$/.test(entry)) return undefined;
  const stat = attempt(() => readFileSync(`/proc/${entry}/stat`, "utf8"));
  // state, ppid, pgrp, ..., starttime: fields 3, 4, 5 and 22 of proc(5).
  const [state, , group, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (state === undefined || ["Z", "X", ""].includes(state)) return undefined;
  return { pid: Number(entry), group: Number(group), started: rest[16] ?? "" };
}

function ownerOf(output: string, logFolders: readonly string[]) {
  const folder = logFolders.find((logs) => output.startsWith(`${logs}/`));
  if (folder === undefined) return undefined;
  const match = /^([^_]+)_(.+?)(_projection)?\.log/.exec(output.slice(folder.length + 1));
  return match === null ? undefined : { workload: `${match[1]}/${match[2]}`, projection: match[3] !== undefined };
}

/** Empty if the process has ended. */
function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}
