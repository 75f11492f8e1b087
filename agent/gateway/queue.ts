import type { WorkloadId } from "../workload/workload-id.ts";
import type { GatewayClock } from "./clock.ts";
import type { GatewayModel, Hold, Models, Route } from "./models.ts";
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

/** What can be done at once, or whom to wait for. `id` undefined: nobody yet. */
type Look =
  | Exclude<Turn, { kind: "gone" }>
  | {
      readonly kind: "waits";
      readonly id: WorkloadId | undefined;
      readonly message: string;
      readonly expectedMs: number;
    };

const UNREAD = { message: "the manifests have not been read yet", expectedMs: 1000 };
export const ENDING: Refusal = { status: 503, code: "ending", message: "the agent is ending", retryAfterMs: 5000 };

/** @param most requests that may wait for one model */
export function openQueue(models: Models, clock: GatewayClock, most: number): Queue {
  const inFlight = new Map<WorkloadId, number>();
  const waiting = new Map<WorkloadId | undefined, number>();
  const waits = new Set<(refusal: Refusal) => void>();
  let ended = false;

  function use(id: WorkloadId): Hold {
    const hold = models.use(id);
    count(inFlight, id, 1);
    return heldOnce(() => {
      count(inFlight, id, -1);
      hold.release();
    });
  }

  /** Takes the hold where a model is ready: it is to be had in this turn of the event loop only. */
  function look({ models: asked }: Asked): Look {
    if (ended) return { kind: "refused", refusal: ENDING };
    const named = asked();
    if (named === undefined) return { kind: "waits", id: undefined, ...UNREAD };
    if (named.kind === "refused") return named;
    const routes = named.models.map(({ id }) => ({ id, route: models.routeOf(id) }));
    const ready = routes
      .flatMap(({ id, route }) => (route.kind === "ready" ? [{ id, route, load: inFlight.get(id) ?? 0 }] : []))
      .sort((one, other) => one.load - other.load)[0];
    if (ready !== undefined) return { kind: "ready", id: ready.id, route: ready.route, hold: use(ready.id) };
    const soonest = routes
      .flatMap(({ id, route }) => (route.kind === "waits" ? [{ id, route }] : []))
      .sort((one, other) => one.route.expectedMs - other.route.expectedMs)[0];
    if (soonest !== undefined) return { ...soonest.route, id: soonest.id };
    return {
      kind: "refused",
      refusal: refusalOf(
        named.models,
        routes.map(({ route }) => route),
      ),
    };
  }

  async function turn(asked: Asked): Promise<Turn> {
    const first = look(asked);
    if (first.kind !== "waits") return first;
    if ((waiting.get(first.id) ?? 0) >= most) return { kind: "refused", refusal: full(most, first.expectedMs) };
    if (clock.monotonic() >= asked.deadline) return { kind: "refused", refusal: late(first) };
    asked.waits();
    return wait(asked, first);
  }

  function wait(asked: Asked, first: Extract<Look, { kind: "waits" }>): Promise<Turn> {
    const { promise, resolve } = Promise.withResolvers<Turn>();
    let seen = first;
    let hold: Hold | undefined;
    const holdOn = (id: WorkloadId | undefined) => {
      const before = hold;
      count(waiting, id, 1);
      const held = id === undefined ? undefined : models.wait(id);
      hold = heldOnce(() => {
        count(waiting, id, -1);
        held?.release();
      });
      before?.release();
    };
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
    const lookAgain = () => {
      if (over) return;
      const next = look(asked);
      if (next.kind !== "waits") return settle(next);
      if (next.id !== seen.id) holdOn(next.id);
      seen = next;
    };
    const refuse = (refusal: Refusal) => settle({ kind: "refused", refusal });
    const onAbort = () => settle({ kind: "gone" });
    const cancel = clock.timer(() => refuse(late(seen)), asked.deadline - clock.monotonic());
    const unsubscribe = models.subscribe(lookAgain);
    waits.add(refuse);
    asked.signal.addEventListener("abort", onAbort);
    holdOn(first.id);
    if (asked.signal.aborted) onAbort();
    return promise;
  }

  return {
    turn,
    end: () => {
      ended = true;
      for (const refuse of [...waits]) refuse(ENDING);
    },
  };
}

function count<Key>(counts: Map<Key, number>, key: Key, change: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + change;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}

function heldOnce(end: () => void): Hold {
  let held = true;
  return {
    release: () => {
      if (held) end();
      held = false;
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
function refusalOf(models: readonly GatewayModel[], routes: readonly Route[]): Refusal {
  const refused = routes.flatMap((route) => (route.kind === "refused" ? [route] : []));
  const route = refused.find(({ why }) => why === "later") ?? refused[0];
  if (route === undefined) throw new Error(`no route of ${models[0]?.name} is refused`);
  const { why, message, retryAfterMs } = route;
  if (why === "never") return { status: 507, code: "model_cannot_run", message };
  return { status: 503, code: "model_not_ready", message, retryAfterMs: retryAfterMs ?? 10_000 };
}
