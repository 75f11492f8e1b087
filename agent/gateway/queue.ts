import type { WorkloadId } from "../workload/workload-id.ts";
import type { GatewayClock } from "./clock.ts";
import type { Hold, Models, Route } from "./models.ts";
import type { Named } from "./names.ts";
import type { Refusal } from "./refusal.ts";

type Ready = Extract<Route, { kind: "ready" }>;

/** What became of a request's wait for its model. `gone`: its signal was aborted. */
export type Turn =
  | { readonly kind: "ready"; readonly id: WorkloadId; readonly route: Ready; readonly hold: Hold }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "gone" };

export interface Asked {
  /** The models that the request means, as of now; undefined while the manifests have not been read. */
  readonly models: () => Named | undefined;
  /** On the clock. A request whose model is ready by then is never late. */
  readonly deadline: number;
  /** Aborted when the client goes away. */
  readonly signal: AbortSignal;
  /** It has to wait. */
  readonly waits: () => void;
}

export interface Queue {
  /** Gives the request its turn, in the order in which they came. */
  readonly turn: (asked: Asked) => Promise<Turn>;
  /** Refuses all that waits, and all that comes. */
  readonly end: () => void;
}

interface Waits {
  readonly kind: "waits";
  /** Undefined: for nobody yet. */
  readonly id: WorkloadId | undefined;
  readonly message: string;
  readonly expectedMs: number;
}

/** What can be done at once, or whom to wait for. */
type Look = Exclude<Turn, { kind: "gone" }> | Waits;

const UNREAD = { message: "the manifests have not been read yet", expectedMs: 1000 };
export const ENDING: Refusal = { status: 503, code: "ending", message: "the agent is ending", retryAfterMs: 5000 };

/** @param most requests that may wait for one model */
export function openQueue(models: Models, clock: GatewayClock, most: number): Queue {
  const book = openBook(models);
  const waits = new Set<(refusal: Refusal) => void>();
  let ended = false;

  return {
    turn: async (asked) => {
      if (ended) return { kind: "refused", refusal: ENDING };
      const first = look(models, book, asked);
      if (first.kind !== "waits") return first;
      if (book.waitingFor(first.id) >= most) return { kind: "refused", refusal: full(most, first.expectedMs) };
      if (clock.monotonic() >= asked.deadline) return { kind: "refused", refusal: late(first) };
      asked.waits();
      return wait({ models, book, clock, waits }, asked, first);
    },
    end: () => {
      ended = true;
      for (const refuse of [...waits]) refuse(ENDING);
    },
  };
}

/** Who waits for which model, and who is at its server, as far as it came by this queue. */
interface Book {
  readonly use: (id: WorkloadId) => Hold;
  readonly wait: (id: WorkloadId | undefined) => Hold;
  readonly usedBy: (id: WorkloadId) => number;
  readonly waitingFor: (id: WorkloadId | undefined) => number;
}

function openBook(models: Models): Book {
  const inFlight = new Map<WorkloadId, number>();
  const waiting = new Map<WorkloadId | undefined, number>();
  return {
    use: (id) => counted(inFlight, id, models.use(id)),
    wait: (id) => counted(waiting, id, id === undefined ? undefined : models.wait(id)),
    usedBy: (id) => inFlight.get(id) ?? 0,
    waitingFor: (id) => waiting.get(id) ?? 0,
  };
}

/** Takes the hold where a model is ready: it is to be had in this turn of the event loop only. */
function look(models: Models, book: Book, { models: asked }: Asked): Look {
  const named = asked();
  if (named === undefined) return { kind: "waits", id: undefined, ...UNREAD };
  if (named.kind === "refused") return named;
  const routes = named.models.map(({ id }) => ({ id, route: models.routeOf(id) }));
  const ready = routes
    .flatMap(({ id, route }) => (route.kind === "ready" ? [{ id, route, load: book.usedBy(id) }] : []))
    .sort((one, other) => one.load - other.load)[0];
  if (ready !== undefined) return { kind: "ready", id: ready.id, route: ready.route, hold: book.use(ready.id) };
  const soonest = routes
    .flatMap(({ id, route }) => (route.kind === "waits" ? [{ id, route }] : []))
    .sort((one, other) => one.route.expectedMs - other.route.expectedMs)[0];
  if (soonest !== undefined) return { ...soonest.route, id: soonest.id };
  return { kind: "refused", refusal: refusalOf(routes.map(({ route }) => route)) };
}

interface Waiting {
  readonly models: Models;
  readonly book: Book;
  readonly clock: GatewayClock;
  /** How to refuse each that waits. */
  readonly waits: Set<(refusal: Refusal) => void>;
}

function wait({ models, book, clock, waits }: Waiting, asked: Asked, first: Waits): Promise<Turn> {
  const { promise, resolve } = Promise.withResolvers<Turn>();
  let seen = first;
  let hold: Hold | undefined;
  let over = false;
  const settle = (turn: Turn) => {
    if (over) return;
    over = true;
    cancel();
    unsubscribe();
    waits.delete(refuse);
    asked.signal.removeEventListener("abort", onAbort);
    hold?.release();
    resolve(turn);
  };
  const waitFor = (id: WorkloadId | undefined) => {
    const before = hold;
    hold = book.wait(id);
    before?.release();
    // It may be over by now: whoever is told of a wait may say at once what becomes of it.
    if (over) hold.release();
  };
  const lookAgain = () => {
    if (over) return;
    const next = look(models, book, asked);
    if (next.kind !== "waits") return settle(next);
    const isOther = next.id !== seen.id;
    seen = next;
    if (isOther) waitFor(next.id);
  };
  const refuse = (refusal: Refusal) => settle({ kind: "refused", refusal });
  const onAbort = () => settle({ kind: "gone" });
  const cancel = clock.timer(() => refuse(late(seen)), asked.deadline - clock.monotonic());
  const unsubscribe = models.subscribe(lookAgain);
  waits.add(refuse);
  asked.signal.addEventListener("abort", onAbort);
  waitFor(first.id);
  if (asked.signal.aborted) onAbort();
  return promise;
}

/** The hold, which counts until it is released. */
function counted<Key>(counts: Map<Key, number>, key: Key, hold: Hold | undefined): Hold {
  counts.set(key, (counts.get(key) ?? 0) + 1);
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      const left = (counts.get(key) ?? 0) - 1;
      if (left === 0) counts.delete(key);
      else counts.set(key, left);
      hold?.release();
    },
  };
}

function full(most: number, expectedMs: number): Refusal {
  const message = `${most} requests wait for this model already: try again later`;
  return { status: 429, code: "queue_full", message, retryAfterMs: expectedMs };
}

function late({ message, expectedMs }: { readonly message: string; readonly expectedMs: number }): Refusal {
  return { status: 503, code: "model_not_ready", message, retryAfterMs: expectedMs };
}

/** Of several replicas the one that may come counts. */
function refusalOf(routes: readonly Route[]): Refusal {
  const refused = routes.flatMap((route) => (route.kind === "refused" ? [route] : []));
  const route = refused.find(({ why }) => why === "later") ?? refused[0];
  if (route === undefined) throw new Error("no route is refused");
  const { why, message, retryAfterMs } = route;
  if (why === "never") return { status: 507, code: "model_cannot_run", message };
  return { status: 503, code: "model_not_ready", message, retryAfterMs: retryAfterMs ?? 10_000 };
}
