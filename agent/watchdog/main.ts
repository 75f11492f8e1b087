import { dueNow, NO_WATCH, NOTHING_HELD, nextDueAt, type Signal, watchRound } from "../decisions/watch.ts";
import { openMeter } from "../host/meter.ts";
import { signalGroup } from "../host/signal-group.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import { awakeClock } from "../lifecycle/awake-clock.ts";
import { logKeeper } from "../server-logs/keeper.ts";
import { watchdogTeller } from "./file.ts";
import type { Held, ToWatchdog } from "./protocol.ts";
import { reportsTo } from "./reports.ts";

// The watchdog's process. It shares nothing with the agent's main part but the pipe between them: what blocks or ends the main part does
// not keep it from its rounds. All that it reads in a round, it reads without a thread pool or a disk.

/** While nothing is held, only a message wakes it. While something is, this is how often it looks after the main part. */
const LOOK_MS = 1000;
const IDLE_MS = 600_000;
/** The main part counts as stuck after this long without a sign of life. */
const STUCK_MS = 5000;

const [mainPid = "0", stateDirectory = "."] = process.argv.slice(3);
const clock = awakeClock(() => performance.now());
const meter = openMeter();
const alarm = alarmClock();
const report = reportsTo(process);
const file = watchdogTeller(stateDirectory, Number(mainPid));

let held: Held = { ...NOTHING_HELD, processes: [] };
let watch = NO_WATCH;
let question = 0;
let seen = { at: clock(), date: new Date() };

process.on("message", (message: ToWatchdog) => {
  seen = { at: clock(), date: new Date() };
  if (message.kind === "beat") return;
  if (message.kind === "ask") question = message.question;
  else held = message.holding;
  alarm.ring();
});
process.on("disconnect", alarm.ring);
// The terminal of the main part is none of its business.
for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => {});

// A round never waits for the files of the logs: they are looked at in the thread pool, which a round does not use.
const logs = () => held.processes.map(({ logPath }) => logPath);
const keeper = logKeeper({ logs, say: (message) => process.connected && process.send?.({ kind: "say", message }) });
keeper.run(new AbortController().signal).catch(() => {});

for (;;) {
  await round();
  const now = clock();
  const orphaned = !process.connected;
  const alone = held.processes.every(({ key }) => watch.sightings.get(key)?.gone === true);
  if (orphaned && (alone || file.replaced())) process.exit(0);
  const stuck = orphaned || (held.processes.length > 0 && now - seen.at > STUCK_MS);
  file.tell({ held, watch, now, seenAt: seen.date, orphaned, stuck });
  const wait = held.processes.length === 0 ? IDLE_MS : Math.min(LOOK_MS, nextDueAt(watch, held) - now);
  await alarm.wait(Math.max(0, wait));
}

async function round(): Promise<void> {
  const now = held;
  const due = new Set(dueNow(watch, now, clock()));
  const leaders = now.processes.filter(({ key }) => due.has(key));
  const measured = leaders.length === 0 ? new Map<number, number>() : await meter.measure(leaders);
  const samples = new Map(leaders.map(({ key, pid }) => [key, measured.get(pid) ?? null]));
  const next = watchRound(watch, now, samples, clock());
  watch = next.watch;
  // First the reason, then the signal: the main part must know why a server ends when it sees the end.
  report({ kind: "report", now: clock(), answers: question, sightings: [...watch.sightings] });
  next.signals.forEach(send);
}

function send({ pid, signal }: Signal): void {
  signalGroup(pid, signal);
}
