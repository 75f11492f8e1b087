import { readFile } from "node:fs/promises";
import * as z from "zod";

const bytes = z.int().min(0);

/**
 * What the watchdog process says while the agent's main part is stuck or dead. Looser than {@link statusSchema}: an older reader passes over
 * what a later watchdog adds.
 */
export const watchdogFileSchema = z.looseObject({
  version: z.literal(1),
  /** Of the watchdog. With `startTime`, in the platform's own notation, it identifies the process. */
  pid: z.int().min(2),
  startTime: z.string(),
  /** When this was written. It is written anew every {@link WATCHDOG_REWRITE_MS} at least: an old one is a dead watchdog's. */
  updatedAt: z.iso.datetime(),
  /** The agent's main part. */
  mainPid: z.int().min(2),
  /** Its last sign of life. */
  mainSeenAt: z.iso.datetime(),
  mainAlive: z.boolean(),
  /** Each process group that it watches and that still runs. */
  servers: z.array(
    z.looseObject({
      /** Of the workload. */
      id: z.string(),
      name: z.string(),
      pid: z.int().min(2),
      /** Of the whole process group; absent if it cannot be measured, or not yet. */
      measuredBytes: bytes.optional(),
      budgetBytes: bytes,
      /** Samples in a row over the budget. */
      over: z.int().min(0),
    }),
  ),
  /** What it has stopped since the main part was last seen, oldest first. */
  stops: z.array(
    z.looseObject({ id: z.string(), name: z.string(), at: z.iso.datetime(), reason: z.string(), message: z.string() }),
  ),
});

export type WatchdogFile = z.output<typeof watchdogFileSchema>;

/** A watchdog that lives writes at least this often, in milliseconds. */
export const WATCHDOG_REWRITE_MS = 5000;

/** What the watchdog last wrote; undefined if it wrote nothing, or nothing that can be read. `path`: `watchdogPath` of state/layout.ts. */
export async function readWatchdogFile(path: string): Promise<WatchdogFile | undefined> {
  try {
    return watchdogFileSchema.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}
