import { startAnswerProbe } from "./answering.ts";
import type { Entry } from "./entry.ts";
import { handleExit } from "./exit.ts";
import { serverKey } from "./holding.ts";
import { followBudget } from "./limit.ts";
import type { SupervisorOptions } from "./options.ts";
import { type Probing, startProbe } from "./probing.ts";
import { noteWatchdogStop } from "./stop.ts";

/** Observes one server: what the watchdog has seen of it, whether it has exited, and whether it answers. */
export function observe(entry: Entry, options: SupervisorOptions & Probing): void {
  listen(entry, options);
  const { running } = entry;
  if (running === undefined) return;
  const exit = running.process.exit();
  if (exit !== undefined) {
    const { pid } = running.process;
    // What the watchdog did is the reason of the exit.
    if (pid !== undefined && !options.watchdog.hasTold(pid)) return;
    handleExit(entry, running, exit, options);
    return;
  }
  const { kernelLimit } = options;
  if (kernelLimit !== undefined) {
    entry.running = { ...running, limitBytes: followBudget(running, entry.footprint, kernelLimit) };
  }
  startProbe(entry, options);
  startAnswerProbe(entry, options);
}

/** Takes over what the watchdog reports: first of all why it has stopped a server, which is then the reason of its exit. */
function listen(entry: Entry, { watchdog }: SupervisorOptions): void {
  const { running } = entry;
  const pid = running?.process.pid;
  const seen = pid === undefined ? undefined : watchdog.sighting(serverKey(entry.id), pid);
  if (running === undefined || seen === undefined) return;
  entry.footprint = seen.footprint;
  if (seen.stop !== undefined) noteWatchdogStop(entry, running, seen.stop);
}
