import { FIELD_MANAGERS } from "../../api/fleet.ts";
import type { KubeClient } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { metadataPatch, statusChange, statusPatch, taintProblem } from "./changes.ts";
import { type NodeFacts, nodeObject } from "./node-object.ts";
import { ownNode } from "./own-node.ts";

type PatchOptions = Parameters<KubeClient["patch"]>[3];

export interface KeeperOptions {
  readonly client: KubeClient;
  readonly name: string;
  /** What the Node is to say now; undefined: not yet known. */
  readonly facts: () => NodeFacts | undefined;
  /** Whether the name of the Node is this agent's. */
  readonly isHeld: () => boolean;
  /** Called when the Node was registered, also anew. */
  readonly registered: () => void;
  /** Whether a person has told the agent to end with its servers. */
  readonly ending: () => boolean;
  /** Gets one sentence about what happened to the Node. */
  readonly say: (message: string) => void;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

export interface NodeKeeper {
  readonly runnables: readonly Runnable[];
  /** Looks now whether the Node says what it should. */
  readonly wake: () => void;
  /** Of the Node as it was seen last. */
  readonly uid: () => string | undefined;
  readonly problems: () => readonly string[];
}

/** How often the status is written where nothing changed, in milliseconds: kubelet's `nodeStatusReportFrequency`. */
export const HEARTBEAT_MS = 5 * 60_000;
/** For how long a change of words alone may wait, in milliseconds. */
const WORDS_MS = 60_000;
/** How often facts are looked at. No request is made for it. */
const LOOK_MS = 5000;
/** What the last word may take when the agent ends. */
const LAST_WORD_MS = 2000;

/** Registers the Node, again where it was deleted, and keeps it as it should be. */
export function nodeKeeper(options: KeeperOptions): NodeKeeper {
  const { client, name, clock, wall, ending } = options;
  const alarm = alarmClock();
  const own = ownNode(client, name, alarm.ring, clock);
  let toldAt = Number.NEGATIVE_INFINITY;

  const register = async (facts: NodeFacts, signal: AbortSignal) => {
    const object = nodeObject(facts, new Date(wall()));
    const made = client.create(KINDS.node, object, { signal, fieldManager: FIELD_MANAGERS.agent });
    if (!(await own.write(made))) return;
    toldAt = clock();
    options.say(`registered this Mac as the Node ${name}`);
    options.registered();
  };
  const patch = (body: object, options: Pick<PatchOptions, "signal" | "type" | "subresource">) =>
    own.write(client.patch(KINDS.node, { name }, body, { ...options, fieldManager: FIELD_MANAGERS.agent }));

  /** Makes at most one write of each kind. */
  const pass = async (signal: AbortSignal): Promise<void> => {
    const facts = options.facts();
    if (facts === undefined || !options.isHeld() || !own.isKnown()) return;
    const live = own.live();
    if (live === undefined) return register(facts, signal);
    const metadata = metadataPatch(live, facts);
    if (metadata !== undefined && !(await patch(metadata, { signal, type: "merge" }))) return;
    const change = statusChange(live, facts);
    const silentMs = clock() - toldAt;
    const isDue = change === undefined ? silentMs >= HEARTBEAT_MS : !change.wordsOnly || silentMs >= WORDS_MS;
    if (!isDue) return;
    const body = statusPatch(live, facts, change, new Date(wall()));
    if (await patch(body, { signal, type: "strategic", subresource: "status" })) toldAt = clock();
  };
  const run = async (signal: AbortSignal) => {
    whenAborted(signal, alarm.ring);
    while (!signal.aborted) {
      const waitMs = own.waitMs();
      if (waitMs <= 0 || ending()) await pass(signal);
      await alarm.wait(waitMs > 0 ? Math.min(waitMs, LOOK_MS) : LOOK_MS);
    }
    if (ending()) await pass(AbortSignal.timeout(LAST_WORD_MS));
  };
  return {
    runnables: [own.runnable, { name: `the registration of the Node ${name}`, run }],
    wake: alarm.ring,
    uid: () => own.live()?.metadata.uid,
    problems: () => {
      const live = own.live();
      const taint = live === undefined ? undefined : taintProblem(live, name);
      return [...own.problems(), ...(taint === undefined ? [] : [taint])];
    },
  };
}
