/** One of the places in which a server keeps a conversation. */
export interface Slot {
  readonly id: number;
  readonly processing: boolean;
  /** Number of the last request in it; undefined if there was none. */
  readonly task?: number | undefined;
  /** Tokens of the prompt that is kept in it for the next request; undefined: it does not say. */
  readonly cachedTokens?: number | undefined;
}

/** When a Ready server is asked for a token, and what for. Times are milliseconds of the injected clock. */
export interface Answering {
  /** When it is next looked at. */
  readonly dueAt: number;
  /** How long it is left alone after the next look that finds it unused. */
  readonly pauseMs: number;
  /** What it had served by the last look; undefined before the first, and where it does not say. */
  readonly served?: string | undefined;
  /** Why it must be asked though that may cost a cached prompt; undefined: there is no sign of a fault. */
  readonly suspected?: Suspicion | undefined;
  /** The last wake of the machine that was thought of. */
  readonly wokeAt?: number | undefined;
}

/** `errors`: its log shows requests that failed, or a fault. `wake`: the machine slept. `failing`: the last test request failed. */
export type Suspicion = "errors" | "wake" | "failing";

const MINUTE_MS = 60_000;
/** Between looks at a server that is used. One that was not used since the look before is asked. */
const FIRST_PAUSE_MS = 5 * MINUTE_MS;
/** Each pause is so many times the one before: 5, 15, 45 and 135 minutes, then four hours. */
const GROWTH = 3;
const LONGEST_PAUSE_MS = 240 * MINUTE_MS;
/** Between two test requests while one is due and the server works, or the last one proved nothing. */
const SOON_MS = 10_000;
/** Between a test request that failed and the next one. */
const AGAIN_MS = 5000;

/** A prompt of at most so many tokens, such as the one of a test request, is nothing that anybody would miss. */
const WORTHLESS_TOKENS = 16;

export function answeringSince(readyAt: number): Answering {
  return { dueAt: readyAt + FIRST_PAUSE_MS, pauseMs: FIRST_PAUSE_MS };
}

/** After a sign that the server may not answer any more: it is asked at once. */
export function suspected(answering: Answering, suspicion: Suspicion, now: number): Answering {
  const before = answering.suspected;
  // A test request that failed has its own pace, and a wake is no more than what an error is.
  if (before === "failing" || (before === "errors" && suspicion === "wake")) return answering;
  return { ...answering, suspected: suspicion, dueAt: now };
}

/** After a look at the machine's last wake. A server that has become Ready since has not slept. */
export function withWake(answering: Answering, wokeAt: number | undefined, readyAt: number, now: number): Answering {
  if (wokeAt === undefined || wokeAt === answering.wokeAt) return answering;
  const known = { ...answering, wokeAt };
  return wokeAt > readyAt ? suspected(known, "wake", now) : known;
}

/** What a server shows. `silent`: it is too busy to answer the question; undefined: it does not show its slots. */
export type Shown = readonly Slot[] | "silent" | undefined;

/** What is to be done after a look: ask, in this slot or wherever the server likes; or nothing. */
export type AskOrWait =
  | { readonly kind: "ask"; readonly slot: number | undefined }
  | { readonly kind: "wait"; readonly answering: Answering };

/**
 * Decides after a look at the slots of a server that was due. A busy server is not asked: it shows by itself whether it answers. An unused
 * one is asked only in a slot that holds nobody's prompt, because with `--cache-ram 0` a prompt that is overwritten is lost, and its owner
 * waits until it is read again. A sign of a fault is worth that (docs/decisions/health-of-a-ready-server.md).
 *
 * @param keepsPrompts false: no request of this server goes on from an earlier one, as of embeddings
 */
export function askOrWait(answering: Answering, shown: Shown, keepsPrompts: boolean, now: number): AskOrWait {
  const { suspected: suspicion } = answering;
  const slots = shown === "silent" ? undefined : shown;
  const busy = shown === "silent" || (slots?.some(({ processing }) => processing) ?? false);
  if (suspicion !== undefined) {
    if (busy && suspicion === "wake") return { kind: "wait", answering: { ...answering, dueAt: now + SOON_MS } };
    return { kind: "ask", slot: keepsPrompts ? cheapest(slots)?.id : undefined };
  }
  if (shown === undefined) return { kind: "wait", answering: { ...answering, dueAt: now + LONGEST_PAUSE_MS } };
  const served = servedBy(shown);
  if (busy || served !== answering.served) {
    return { kind: "wait", answering: { ...answering, ...answeringSince(now), served } };
  }
  const slot = cheapest(slots);
  if (!keepsPrompts) return { kind: "ask", slot: undefined };
  if (slot !== undefined && cost(slot) === 0) return { kind: "ask", slot: slot.id };
  return { kind: "wait", answering: leftAlone(answering, now) };
}

/** After a test request that was answered, or that was refused for its key. */
export function answeredTest(answering: Answering, shown: Shown, now: number): Answering {
  const { suspected: suspicion, ...rest } = answering;
  const left = leftAlone(suspicion === undefined ? rest : { ...rest, pauseMs: FIRST_PAUSE_MS }, now);
  return { ...left, served: servedBy(shown) };
}

export function failedTestRequest(answering: Answering, now: number): Answering {
  return { ...answering, suspected: "failing", dueAt: now + AGAIN_MS };
}

/** After a test request that proves nothing: the server was busy, or the machine slept meanwhile. */
export function provedNothing(answering: Answering, now: number): Answering {
  return { ...answering, dueAt: now + (answering.suspected === undefined ? answering.pauseMs : SOON_MS) };
}

function leftAlone(answering: Answering, now: number): Answering {
  const { pauseMs } = answering;
  const next = Math.min(pauseMs * GROWTH, LONGEST_PAUSE_MS);
  return { ...answering, dueAt: now + next, pauseMs: next };
}

/** Undefined where it does not say. */
function servedBy(shown: Shown): string | undefined {
  if (shown === undefined || shown === "silent") return undefined;
  return shown.map(({ id, task }) => `${id}:${task ?? ""}`).join();
}

/** The free slot whose prompt is missed least; undefined if none is free. */
function cheapest(slots: readonly Slot[] | undefined): Slot | undefined {
  return slots?.filter(({ processing }) => !processing).toSorted((one, other) => cost(one) - cost(other))[0];
}

/** Tokens that are lost when it is overwritten. */
function cost({ task, cachedTokens }: Slot): number {
  if (task === undefined) return 0;
  const tokens = cachedTokens ?? Number.MAX_SAFE_INTEGER;
  return tokens <= WORTHLESS_TOKENS ? 0 : tokens;
}
