import { lstat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { errorText } from "../../api/error-code.ts";
import { takenBytes } from "../decisions/host-share.ts";
import type { Platform } from "../host/platform.ts";
import type { Background } from "../lifecycle/background.ts";
import { claimant } from "./claimant.ts";
import type { Holding } from "./holding.ts";
import { inTurn } from "./in-turn.ts";
import type { Own, View } from "./look.ts";
import { ownClaim } from "./own-claim.ts";
import { processesOf } from "./processes.ts";
import { selfOf } from "./self.ts";
import { watchedClaims } from "./watched-claims.ts";

/** What the agents of one machine tell each other. Nothing here waits for a disk: all is as of the last look. */
export interface HostClaims {
  /** Announces what this agent holds, in the background. To be called after each tick. */
  readonly hold: (holding: Holding) => void;
  /** Whether all servers of this agent together may use this many bytes, beside all other agents. */
  readonly covers: (bytes: number) => boolean;
  /** Other agents that hold memory. */
  readonly others: () => readonly Other[];
  /** Why nothing may start now, as a sentence; undefined if nothing stands in the way. */
  readonly trouble: () => string | undefined;
  /** What all servers of this agent together may use now, in bytes. */
  readonly shareBytes: () => number;
  /** Sentences that a person should act on. */
  readonly problems: () => readonly string[];
  /** Settles when what was announced last has been written, after 2 s at most. */
  readonly settled: () => Promise<void>;
}

export interface Other {
  readonly key: string;
  /** For messages: `another agent (pid 42, user alice)`. */
  readonly label: string;
  /** What it takes from the memory that this agent may use. */
  readonly bytes: number;
}

export interface ClaimsOptions {
  readonly folder: string;
  readonly stateDirectory: string;
  readonly platform: Pick<Platform, "bootId" | "startTime">;
  readonly allocatableBytes: number;
  /** A monotonic clock, in milliseconds. */
  readonly clock: () => number;
  readonly background: Background;
  /** Called when a start was granted. Nothing that others write wakes the agent, or they could keep it busy. */
  readonly granted: () => void;
}

const SETTLING_MS = 2000;

/** Opens the claims and looks at them, for 2 s at most. The caller holds the lock on the state folder. */
export async function openClaims(options: ClaimsOptions): Promise<HostClaims> {
  const { folder, stateDirectory, platform, allocatableBytes, clock, background, granted } = options;
  const own = await selfOf(folder, stateDirectory, platform.bootId);
  const startTime = (await platform.startTime(process.pid)) ?? undefined;
  const claim = ownClaim(own, { pid: process.pid, startTime }, clock);
  const watched = watchedClaims(own, processesOf(platform, clock), clock, (now) => {
    if (!now.present) claim.removed();
    for (const { grantedBytes } of now.left) claiming.inherit(grantedBytes);
  });
  const claiming = claimant({ own, claim, watched, allocatableBytes, granted });
  let next: Holding | undefined;
  const work = () => (next === undefined ? watched.lookIfDue() : claiming.announce(next));
  const turns = inTurn(work, clock, (error) => withOwner(folder, errorText(error)));
  const settled = async () => {
    const deadline = clock() + SETTLING_MS;
    while (turns.busy() && clock() < deadline) await sleep(10);
  };
  const trouble = () => {
    const folderTrouble = turns.trouble() ?? (watched.looked() ? undefined : "has not been read yet");
    if (folderTrouble === undefined) return watched.view().unknown;
    return `the folder ${folder}, in which agents say what they hold, ${folderTrouble}: repair it, or name another one with --claims`;
  };
  background("reading what other agents hold", turns.run());
  await settled();
  return {
    hold: (holding) => {
      next = holding;
      background("telling other agents what this one holds", turns.run());
    },
    covers: (bytes) => bytes <= claiming.grantedBytes(),
    others: () => othersIn(watched.view(), own),
    trouble,
    shareBytes: claiming.shareBytes,
    problems: () => [trouble() ?? [], watched.view().problems].flat(),
    settled,
  };
}

function othersIn({ others }: View, own: Own): readonly Other[] {
  const taken = others.map(({ hold, label }) => ({ key: hold.key, label, bytes: takenBytes(own, hold) }));
  return taken.filter(({ bytes }) => bytes > 0);
}

/** Whoever has made a folder that others cannot use must be named. */
async function withOwner(folder: string, error: string): Promise<string> {
  const owner = await lstat(folder).catch(() => undefined);
  return `cannot be used (${error}${owner === undefined ? "" : `; it belongs to user id ${owner.uid}`})`;
}
