import assert from "node:assert/strict";
import { planRest, type Rest, type Rester } from "../../../agent/decisions/resting.ts";
import { type WorkloadId, workloadId } from "../../../agent/workload/workload-id.ts";

const STEP_MS = 250;
const LOAD_MS = 4000;
const STOP_MS = 1000;
const ROOM = { heldBytes: 0, leavingBytes: 0, blocked: false };

/** A model, and the clients that ask it. */
export interface Played {
  readonly name: string;
  readonly chargeBytes: number;
  readonly idleUnloadMs?: number;
  readonly clients: number;
  /** The longest pause of a client between an answer and its next request, in milliseconds. */
  readonly pauseMs: number;
}

/** What became of one model. */
export interface Outcome {
  answered: number;
  /** When it began to load, in milliseconds since the start. */
  readonly loads: number[];
  longestWaitMs: number;
}

interface Playing {
  readonly played: Played;
  server: Rester["server"];
  /** When the clients that pause ask again. */
  readonly pauses: number[];
  /** When each request that waits began to. */
  readonly waiting: number[];
  /** When each request in flight ends. */
  readonly flights: number[];
  lastUsedAt: number | undefined;
  readonly outcome: Outcome;
}

/** Plays minutes of clients, loads and unloads against the plan alone: no admission, so what the plan says is all that keeps the memory. */
export function play(
  models: readonly Played[],
  allocatableBytes: number,
  minutes: number,
  random: () => number,
): ReadonlyMap<string, Outcome> {
  const playing = models.map((played): Playing => newPlaying(played));
  for (let now = 0; now < minutes * 60_000; now += STEP_MS) {
    for (const one of playing) advance(one, now, random);
    const plan = planRest(playing.map(resterOf), { ...ROOM, allocatableBytes }, now);
    for (const one of playing) follow(one, plan.get(idOf(one)), now, random);
    const held = playing.filter(({ server }) => server !== undefined);
    const sum = held.reduce((bytes, { played }) => bytes + played.chargeBytes, 0);
    assert.ok(sum <= allocatableBytes, `at ${now} ms ${held.map(({ played }) => played.name).join(", ")} run`);
  }
  return new Map(playing.map(({ played, outcome }) => [played.name, outcome]));
}

function newPlaying(played: Played): Playing {
  return {
    ...{ played, server: undefined, waiting: [], flights: [], lastUsedAt: undefined },
    pauses: Array.from({ length: played.clients }, () => 0),
    outcome: { answered: 0, loads: [], longestWaitMs: 0 },
  };
}

function idOf({ played }: Playing): WorkloadId {
  return workloadId(played.name);
}

function resterOf(one: Playing): Rester {
  const { played, server, waiting, flights, lastUsedAt } = one;
  return {
    ...{ id: idOf(one), name: played.name, priority: 2, pinned: false, obstructed: false, server },
    ...{ idleUnloadMs: played.idleUnloadMs, chargeBytes: played.chargeBytes },
    demand: { waiting: waiting.length, waitingSince: waiting[0], inFlight: flights.length, lastUsedAt },
  };
}

/** Ends what has ended by now, and lets clients ask. */
function advance(one: Playing, now: number, random: () => number): void {
  const { server, played, flights, pauses, waiting, outcome } = one;
  if (server?.phase === "starting" && now - server.since >= LOAD_MS) one.server = { phase: "ready", since: now };
  if (server?.phase === "stopping" && now - server.since >= STOP_MS) one.server = undefined;
  for (const _ of taken(flights, now)) {
    outcome.answered += 1;
    one.lastUsedAt = now;
    pauses.push(now + random() * played.pauseMs);
  }
  for (const _ of taken(pauses, now)) {
    waiting.push(now);
    one.lastUsedAt = now;
  }
}

/** Removes those that are due. */
function taken(times: number[], now: number): readonly number[] {
  const due = times.filter((time) => time <= now);
  const left = times.filter((time) => time > now);
  times.splice(0, times.length, ...left);
  return due;
}

/** Does what the supervisor and the gateway do with the plan. */
function follow(one: Playing, rest: Rest | undefined, now: number, random: () => number): void {
  const { server, waiting, flights, outcome, played } = one;
  // A request that waits for its turn is never refused.
  assert.notEqual(rest?.kind, "blocked", `${played.name} at ${now} ms: ${JSON.stringify(rest)}`);
  if (rest?.kind === "awake" && server === undefined) {
    one.server = { phase: "starting", since: now };
    outcome.loads.push(now);
  } else if (rest?.kind === "sleeps" && server?.phase === "ready") {
    assert.equal(flights.length, 0, `${played.name} unloads with requests in flight`);
    one.server = { phase: "stopping", since: now };
  } else if (rest?.kind !== "drains" && server?.phase === "ready") {
    for (const since of waiting.splice(0)) {
      outcome.longestWaitMs = Math.max(outcome.longestWaitMs, now - since);
      flights.push(now + 500 + random() * 3500);
    }
  }
  for (const since of waiting) outcome.longestWaitMs = Math.max(outcome.longestWaitMs, now - since);
}
