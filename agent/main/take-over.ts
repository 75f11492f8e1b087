import { uptime } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { type HeldBack, openHeldBack } from "../boot/held-back.ts";
import { reportsOf } from "../boot/reports-of-mac.ts";
import { MAC } from "../host/darwin/mac-paths.ts";
import type { Platform } from "../host/platform.ts";
import { type Alarm, alarmClock } from "../lifecycle/alarm.ts";
import { type AwakeClock, awakeClock } from "../lifecycle/awake-clock.ts";
import { type Background, backgroundWork } from "../lifecycle/background.ts";
import { removeStaleTempFiles } from "../state/stale-temp-files.ts";
import { adoptAll } from "../supervisor/adopt.ts";
import { holdingOfAdopted } from "../supervisor/holding.ts";
import type { AdoptedServer } from "../supervisor/options.ts";
import { ranInAnotherBoot } from "../supervisor/ran-before.ts";
import { type UnclearRecords, unclearRecords } from "../supervisor/unclear.ts";
import { openWatchdog, type Watchdog } from "../watchdog/watchdog.ts";

/** The servers that an earlier agent left, and what holds them. Nothing decides on them yet. */
export interface TakenOver {
  readonly adopted: readonly AdoptedServer[];
  /** What of them cannot be told yet. */
  readonly unclear: UnclearRecords;
  readonly heldBack: HeldBack;
  readonly watchdog: Watchdog;
  /** Stands still while the machine sleeps. */
  readonly awake: AwakeClock;
  /** Wakes the reconcile loop. */
  readonly alarm: Alarm;
  readonly background: Background;
}

/**
 * Adopts what an earlier agent left, and has it watched: each server is held to its own budget, and all together to the memory of the
 * machine until it is known what other agents hold. It asks no llama-server. The caller holds the lock on the state folder.
 */
export async function takeOver(stateDirectory: string, platform: Platform, log: Logger): Promise<TakenOver> {
  const clock = () => performance.now();
  const awake = awakeClock(clock);
  const alarm = alarmClock();
  const background = backgroundWork((message) => log.error(message));
  removeStaleTempFiles(stateDirectory);
  const say = (message: string) => log.warn(message);
  const watchdog = openWatchdog({ stateDirectory, clock: awake, say, wake: alarm.ring });
  // Noted before the adoption, which removes the records of servers that are gone.
  const heldBack = openHeldBack({
    ...{ stateDirectory, bootId: platform.bootId, ran: await ranInAnotherBoot(stateDirectory, platform.bootId) },
    ...{ reports: reportsOf({ folder: MAC.diagnosticReports, clock }), uptimeMs: () => uptime() * 1000 },
    ...{ wait: (milliseconds) => sleep(milliseconds, undefined, { ref: false }), background, changed: alarm.ring },
  });
  const hold = (those: readonly AdoptedServer[]) =>
    watchdog.hold(holdingOfAdopted(those, platform.hostMemoryBytes, awake));
  const adopting = { stateDirectory, platform, background, log, ended: alarm.ring };
  const unclear = unclearRecords(adopting, alarm.ring);
  const adopted = await adoptAll({ ...adopting, hold, unclear: unclear.add });
  return { adopted, unclear, heldBack, watchdog, awake, alarm, background };
}

const BEAT_MS = 1000;

/** The watchdog hears that this process lives, and is replaced if it hangs, also before there is a loop that tells it. */
export async function whileBeating<T>(watchdog: Pick<Watchdog, "beat">, work: Promise<T>): Promise<T> {
  const beating = setInterval(watchdog.beat, BEAT_MS);
  try {
    return await work;
  } finally {
    clearInterval(beating);
  }
}
