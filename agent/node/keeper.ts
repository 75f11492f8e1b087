import { FIELD_MANAGERS } from "../../api/fleet.ts";
import { waitAfterFailure } from "../../kube/back-off.ts";
import type { KubeClient, KubeFailure, KubeObject, KubeResult } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { type Change, reflector } from "../../kube/reflector/reflector.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { metadataPatch, statusChange, statusPatch, taintProblem } from "./changes.ts";
import { type LiveNode, liveNode } from "./live-node.ts";
import { type NodeFacts, nodeObject } from "./node-object.ts";
import { writePace } from "./pace.ts";

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
const BACK_OFF = { firstMs: 1000, longestMs: 60_000 };
/** What the last word may take when the agent ends. */
const LAST_WORD_MS = 2000;

interface Seen {
  readonly node: LiveNode;
  readonly version: string | undefined;
}

/** Registers the Node, again where it was deleted, and keeps it as it should be. */
export function nodeKeeper(options: KeeperOptions): NodeKeeper {
  const { client, name, clock, wall } = options;
  const alarm = alarmClock();
  const pace = writePace(clock);
  const watched = reflector<Seen>({
    ...{ client, kind: KINDS.node, selection: { fieldSelector: `metadata.name=${name}` } },
    parse: parseNode,
    changed: (change) => sawChange(change),
    report: (message) => {
      watchProblem = /answers again$/.test(message) ? undefined : message;
    },
  });
  /** What the last write has answered: the watch tells of it later. */
  let written: Seen | undefined;
  let toldAt = Number.NEGATIVE_INFINITY;
  let failures = 0;
  let notBefore = Number.NEGATIVE_INFINITY;
  let problem: string | undefined;
  let watchProblem: string | undefined;

  const sawChange = ({ type, uid }: Change) => {
    if (type === "deleted" && uid === written?.node.metadata.uid) written = undefined;
    alarm.ring();
  };
  const current = () => newest(watched.get(name), written);
  const wrote = (answer: KubeResult<KubeObject>): boolean => {
    pace.wrote();
    if (answer.ok) {
      failures = 0;
      problem = undefined;
      const parsed = parseNode(answer.value);
      if (parsed.ok) written = parsed.value;
      return true;
    }
    // Another Node has its name now, or none: the watch tells what is there.
    if (answer.kind === "conflict" || answer.kind === "not-found") written = undefined;
    failures += 1;
    problem = problemOf(name, answer);
    notBefore = clock() + waitAfterFailure(BACK_OFF, failures, Math.random, answer.retryAfterMs);
    return false;
  };
  const patch = (body: object, signal: AbortSignal, type: "merge" | "strategic", subresource?: string) =>
    client.patch(KINDS.node, { name }, body, {
      ...{ type, signal, fieldManager: FIELD_MANAGERS.agent },
      ...(subresource !== undefined && { subresource }),
    });

  /** Makes at most one write of each kind. */
  const pass = async (signal: AbortSignal): Promise<void> => {
    const facts = options.facts();
    if (facts === undefined || !options.isHeld() || !watched.synced()) return;
    const live = current()?.node;
    if (live === undefined) {
      const object = nodeObject(facts, new Date(wall()));
      if (!wrote(await client.create(KINDS.node, object, { signal, fieldManager: FIELD_MANAGERS.agent }))) return;
      toldAt = clock();
      options.say(`registered this Mac as the Node ${name}`);
      options.registered();
      return;
    }
    const metadata = metadataPatch(live, facts);
    if (metadata !== undefined && !wrote(await patch(metadata, signal, "merge"))) return;
    const change = statusChange(live, facts);
    const silentMs = clock() - toldAt;
    const isDue = change === undefined ? silentMs >= HEARTBEAT_MS : !change.wordsOnly || silentMs >= WORDS_MS;
    if (!isDue) return;
    const body = statusPatch(live, facts, change, new Date(wall()));
    if (wrote(await patch(body, signal, "strategic", "status"))) toldAt = clock();
  };
  const run = async (signal: AbortSignal) => {
    whenAborted(signal, alarm.ring);
    watched.whenSynced(signal).then(alarm.ring, () => {});
    while (!signal.aborted) {
      const waitMs = Math.max(pace.waitMs(), notBefore - clock());
      if (waitMs <= 0 || options.ending()) await pass(signal);
      await alarm.wait(waitMs > 0 ? Math.min(waitMs, LOOK_MS) : LOOK_MS);
    }
    if (options.ending()) await pass(AbortSignal.timeout(LAST_WORD_MS));
  };
  return {
    runnables: [
      { name: `the watch of the Node ${name}`, run: watched.run },
      { name: `the registration of the Node ${name}`, run },
    ],
    wake: alarm.ring,
    uid: () => current()?.node.metadata.uid,
    problems: () => {
      const live = current()?.node;
      const taint = live === undefined ? undefined : taintProblem(live, name);
      return [watchProblem, problem, taint].filter((one) => one !== undefined);
    },
  };
}

function parseNode(object: KubeObject) {
  const node = liveNode(object);
  if (node === undefined) return { ok: false, error: "it is no Node" } as const;
  return { ok: true, value: { node, version: object.metadata.resourceVersion } } as const;
}

/** Of the same Node the later version; else the one that was written, which the watch has not told of yet. */
function newest(watched: Seen | undefined, written: Seen | undefined): Seen | undefined {
  if (written === undefined || watched === undefined) return written ?? watched;
  if (written.node.metadata.uid !== watched.node.metadata.uid) return watched;
  return versionOf(written) > versionOf(watched) ? written : watched;
}

/** Versions of one resource are numbers that grow. */
function versionOf({ version = "" }: Seen): bigint {
  return /^\d+$/.test(version) ? BigInt(version) : 0n;
}

function problemOf(name: string, { kind, error }: KubeFailure): string | undefined {
  if (kind === "aborted" || kind === "conflict") return undefined;
  if (kind !== "forbidden") return `the Node ${name} cannot be kept: ${error}`;
  return `the Node ${name} cannot be kept, because a right is missing (LlmNode and pulumi-llmkube manifests give it): ${error}`;
}
