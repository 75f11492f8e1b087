import * as z from "zod";

const VERSION = 1;

/** A larger file is not read. A claim of {@link MOST_SERVERS} servers stays below. */
export const MOST_CLAIM_BYTES = 64 * 1024;

const MOST_SERVERS = 512;

const bytes = z.int().min(0);
const word = z.string().min(1).max(64);
/** More than any system gives out, and no more than a signal can be sent to. */
const pid = z.int().min(1).max(999_999_999);

/** Identifies a process of this boot. Without a start time the pid alone must do. */
const processSchema = z.looseObject({ pid, startTime: word.optional() });

/**
 * What an agent tells the other agents of its machine. A later version may add fields; as long as these are there, it counts. Every
 * user of the machine can read it, so it holds no path and no name of a model.
 */
const claimSchema = processSchema.extend({
  version: z.int().min(1),
  bootId: word,
  /** Name of the user who runs the agent, for messages. */
  user: z.string().regex(/^[\w.@-]{1,64}$/),
  /** The servers with their charges in bytes. They count also after their agent has died, while they live. */
  servers: z.array(processSchema.extend({ bytes })).max(MOST_SERVERS),
  /** The charge of a server that is about to start. */
  pendingBytes: bytes,
  /** What was found to fit beside all other agents. */
  grantedBytes: bytes,
});

export type Claim = Readonly<z.output<typeof claimSchema>>;
export type ClaimedProcess = Readonly<z.output<typeof processSchema>>;

/** The claim in a text that anybody may have written; undefined if it is none. */
export function parseClaim(text: string): Claim | undefined {
  try {
    return claimSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

export function claimText(claim: Omit<Claim, "version">): string {
  return `${JSON.stringify({ version: VERSION, ...claim })}\n`;
}

/**
 * `KEY-PID-NONCE.json`. The key stands for a user and a state folder, so that an agent finds what the one before it left. The pid tells
 * whose claim it is even if it cannot be read. The nonce keeps others from taking the name first.
 */
export interface ClaimName {
  readonly key: string;
  readonly pid: number;
}

export function claimFileName({ key, pid }: ClaimName, nonce: string): string {
  return `${key}-${pid}-${nonce}.json`;
}

/** Undefined for a file that is no claim. */
export function parseClaimName(fileName: string): ClaimName | undefined {
  const [, key, pid] = /^([0-9a-f]{16})-([1-9]\d{0,8})-[0-9a-f]{8}\.json$/.exec(fileName) ?? [];
  return key === undefined || pid === undefined ? undefined : { key, pid: Number(pid) };
}
