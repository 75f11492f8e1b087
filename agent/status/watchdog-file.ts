import { readFile } from "node:fs/promises";
import * as z from "zod";

const bytes = z.int().min(0);

/**
 * What the watchdog says about itself, and for the agent's main part while that is stuck or dead. Looser than {@link statusSchema}: an
 * older reader passes over what a later watchdog adds.
 */
export const watchdogFileSchema = z.looseObject({
  version: z.literal(1),
  /** Of the watchdog. */
  pid: z.int().min(2),
  /** When this was written. While the main part is stuck or dead, it is written anew every few seconds. */
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

/** What the watchdog last wrote; undefined if it wrote nothing, or nothing that can be read. `path`: `watchdogPath` of state/layout.ts. */
export async function readWatchdogFile(path: string): Promise<WatchdogFile | undefined> {
  try {
    return watchdogFileSchema.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}
