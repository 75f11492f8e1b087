import { setFlagsFromString } from "node:v8";
import { NOTHING_HELD } from "../decisions/watch.ts";
import { openMeter } from "../host/meter.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import { awakeClock } from "../lifecycle/awake-clock.ts";
import { logKeeper } from "../server-logs/keeper.ts";
import { watchdogFileWriter } from "./file-writer.ts";
import type { Held, ToWatchdog } from "./protocol.ts";
import { reportsTo } from "./reports.ts";
import { watchdogRounds } from "./rounds.ts";

// The watchdog's process. It shares nothing with the agent's main part but the pipe between them: what blocks or ends the main part does
// not keep it from its rounds. All that it reads in a round, it reads without a thread pool or a disk.

/** While nothing is held, only a message wakes it. While something is, this is how often it looks after the main part. */
const LOOK_MS = 1000;
const IDLE_MS = 600_000;
/** The main part counts as stuck after this long without a sign of life. */
const STUCK_MS = 5000;

// What it does each second is little: the two optimizing compilers would cost more memory than they save time.
for (const flag of ["--no-maglev", "--no-turbofan"]) setFlagsFromString(flag);

const [mainPid = "0", stateDirectory = "."] = process.argv.slice(3);
const clock = awakeClock(() => performance.now());
const alarm = alarmClock();
const rounds = watchdogRounds({ meter: openMeter(), clock, answers: () => question, report: reportsTo(process) });
const file = watchdogFileWriter(stateDirectory, Number(mainPid));

let held: Held = { ...NOTHING_HELD, processes: [] };
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
// What is typed in the terminal is for the main part alone; SIGUSR1 would open a debugger.
for (const signal of ["SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const) process.on(signal, () => {});

// A round never waits for the files of the logs: they are looked at in the thread pool, which a round does not use.
const logs = () => held.processes.map(({ logPath }) => logPath);
const keeper = logKeeper({ logs, say: (message) => process.connected && process.send?.({ kind: "say", message }) });
keeper.run(new AbortController().signal).catch(() => {});

for (;;) {
  await rounds.round(held);
  const now = clock();
  const watch = rounds.watch();
  const orphaned = !process.connected;
  if (orphaned) held = { ...held, processes: held.processes.filter(({ pid }) => !file.takenOver()?.has(pid)) };
  const alone = held.processes.every(({ key }) => watch.sightings.get(key)?.gone === true);
  if (orphaned && alone) process.exit(0);
  const stuck = orphaned || (held.processes.length > 0 && now - seen.at > STUCK_MS);
  file.write({ held, watch, now, seenAt: seen.date, orphaned, stuck });
  const wait = held.processes.length === 0 ? IDLE_MS : Math.min(LOOK_MS, rounds.untilNextMs(held));
  await alarm.wait(Math.max(0, wait));
}
