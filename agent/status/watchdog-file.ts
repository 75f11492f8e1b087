import * as z from "zod";

const bytes = z.int().min(0);
const server = z.strictObject({
  id: z.string(),
  name: z.string(),
  pid: z.int().min(1),
  budgetBytes: bytes,
  measuredBytes: bytes.optional(),
  over: z.int().min(0),
});
const stop = z.strictObject({
  id: z.string(),
  name: z.string(),
  at: z.iso.datetime(),
  reason: z.string(),
  message: z.string(),
});

export const watchdogSchema = z.strictObject({
  version: z.literal(1),
  pid: z.int().min(1),
  startedAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  mainPid: z.int().min(1),
  mainSeenAt: z.iso.datetime(),
  mainAlive: z.boolean(),
  servers: z.array(server),
  stops: z.array(stop),
});

export type WatchdogState = z.output<typeof watchdogSchema>;
