import { waitAfterFailure } from "../../kube/back-off.ts";
import type { KubeClient, KubeFailure, KubeObject, KubeResult } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { type Change, reflector } from "../../kube/reflector/reflector.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { type LiveNode, liveNode } from "./live-node.ts";
import { writePace } from "./pace.ts";

/** The Node of this Mac as the API server has it, and writes to it at a bounded pace. */
export interface OwnNode {
  /** Watches it. */
  readonly runnable: Runnable;
  /** Whether it is known if there is one. */
  readonly isKnown: () => boolean;
  /** As it was seen last, or written since; undefined where there is none. */
  readonly live: () => LiveNode | undefined;
  /** Milliseconds until a write is allowed; 0: now. */
  readonly waitMs: () => number;
  /** Makes a write. The value: whether it was taken. */
  readonly write: (call: Promise<KubeResult<KubeObject>>) => Promise<boolean>;
  readonly problems: () => readonly string[];
}

const BACK_OFF = { firstMs: 1000, longestMs: 60_000 };

interface Seen {
  readonly node: LiveNode;
  readonly version: string | undefined;
}

/**
 * @param changed called when something has become known
 * @param clock milliseconds that never go back
 */
export function ownNode(client: KubeClient, name: string, changed: () => void, clock: () => number): OwnNode {
  const pace = writePace(clock);
  /** What the last write has answered: the watch tells of it later. */
  let written: Seen | undefined;
  let failures = 0;
  let notBefore = Number.NEGATIVE_INFINITY;
  let problem: string | undefined;
  let watchProblem: string | undefined;
  let watchFailures = 0;
  const sawChange = ({ type, uid }: Change) => {
    if (type === "deleted" && uid === written?.node.metadata.uid) written = undefined;
    changed();
  };
  const watched = reflector<Seen>({
    ...{ client, kind: KINDS.node, selection: { fieldSelector: `metadata.name=${name}` } },
    ...{ parse: parseNode, changed: sawChange },
    report: (message) => {
      const { failures: now } = watched.counts();
      // Anything else that is reported comes with an answer: the watch works.
      watchProblem = now > watchFailures ? message : undefined;
      watchFailures = now;
    },
  });
  const failed = (failure: KubeFailure) => {
    // Another Node has its name now, or none: the watch tells what is there.
    if (failure.kind === "conflict" || failure.kind === "not-found") written = undefined;
    failures += 1;
    problem = problemOf(name, failure);
    notBefore = clock() + waitAfterFailure(BACK_OFF, failures, Math.random, failure.retryAfterMs);
  };
  return {
    runnable: {
      name: `the watch of the Node ${name}`,
      run: async (signal) => {
        // A list without a Node changes nothing, and is news.
        watched.whenSynced(signal).then(changed, () => {});
        await watched.run(signal);
      },
    },
    isKnown: watched.synced,
    live: () => newest(watched.get(name), written)?.node,
    waitMs: () => Math.max(pace.waitMs(), notBefore - clock()),
    write: async (call) => {
      const answer = await call;
      pace.wrote();
      if (!answer.ok) {
        failed(answer);
        return false;
      }
      failures = 0;
      problem = undefined;
      const parsed = parseNode(answer.value);
      if (parsed.ok) written = parsed.value;
      return true;
    },
    problems: () => [watchProblem, problem].filter((one) => one !== undefined),
  };
}

function parseNode(object: KubeObject) {
  const node = liveNode(object);
  if (node === undefined) return { ok: false, error: "it is no Node" } as const;
  return { ok: true, value: { node, version: object.metadata.resourceVersion } } as const;
}

/** Of the same Node the later version; else the one that is watched, unless there is none yet. */
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
