import { isDeepStrictEqual } from "node:util";
import type { Model } from "../../../api/model.ts";
import type { KubeClient, KubeObject } from "../../../kube/client.ts";
import { KINDS } from "../../../kube/kinds.ts";
import { type Parsed, reflector } from "../../../kube/reflector/reflector.ts";
import type { Desired } from "../../workload/desired.ts";
import { wantedFiles } from "../../workload/model-files.ts";
import type { HostFacts } from "../../workload/workload.ts";
import { type WorkloadId, workloadId } from "../../workload/workload-id.ts";
import type { WantedWork, WorkSource } from "../source.ts";
import { acceptPod, type Lookup } from "./accept.ts";
import { type PodClaim, readClaim } from "./claim.ts";
import { desiredOfPods } from "./desired.ts";
import { type DecidedPod, type KeptPods, lookupWith, nextKept } from "./kept.ts";
import { podKeys } from "./keys.ts";
import { watchedManifests } from "./manifests.ts";
import { idOfPod, isTerminal, type Pod, parsePod } from "./pod.ts";

export interface PodSourceOptions {
  /** As the kubelet of this node. */
  readonly client: KubeClient;
  readonly nodeName: string;
  /** The address that servers listen on; undefined without a network. */
  readonly listenHost: () => string | undefined;
  /** Whether the name of this node is this agent's: what another agent may have started is not started twice. */
  readonly mayStart: () => boolean;
  /** Whether the API server has not yet said whose the name of this node is. */
  readonly nobodyKnown: () => boolean;
  /** What this agent, or one before it, knew of its pods last. */
  readonly kept: KeptPods;
  /** The folder of API keys. */
  readonly keysFolder: string;
  readonly host: () => HostFacts;
  /** The workloads that have a process, and the port of each. */
  readonly running: () => ReadonlyMap<WorkloadId, number>;
  /** Called whenever `current` would answer differently. */
  readonly changed: () => void;
}

export interface PodSource extends WorkSource {
  /** The pods of this node as the API server has told last, by UID. */
  readonly pods: () => ReadonlyMap<WorkloadId, Pod>;
  /** Whether the API server has told about all of them at least once. */
  readonly synced: () => boolean;
  /** The Models that pods of this node name; undefined while one of them is not known. */
  readonly models: () => readonly Model[] | undefined;
  /** Calls `listener` with the UID of each pod that appears, changes or is gone. */
  readonly onPod: (listener: (id: WorkloadId) => void) => void;
}

/**
 * The pods that are bound to this node, with the InferenceServices, Models and Secrets that they name. What the API server told last stays
 * in force while it is away: a pod is gone only once a complete list, or the deletion itself, says so.
 */
export function openPods(options: PodSourceOptions): PodSource {
  const { client, nodeName, changed, kept } = options;
  const over = new AbortController();
  const listeners: ((id: WorkloadId) => void)[] = [];
  let version = 0;
  const news = () => {
    version += 1;
    followAll();
    changed();
  };
  const pods = reflector<Pod>({
    ...{ client, kind: KINDS.pod, parse: readPod, selection: { fieldSelector: `spec.nodeName=${nodeName}` } },
    changed: ({ uid }) => {
      news();
      if (uid !== undefined) for (const listener of listeners) listener(workloadId(uid));
    },
  });
  const manifests = watchedManifests(client, () => news());
  const keys = podKeys({ client, folder: options.keysFolder, changed: () => news() });
  const followAll = () => {
    const claims = claimsOf(pods.list(), nodeName);
    manifests.follow([...claims.values()]);
    keys.follow(claims);
  };
  const lookup = () => lookupWith(manifests, kept.all());
  /** What was kept is in force while nobody answers; an answer is about to say what is wanted now. */
  const isAway = () => !pods.synced() && pods.trouble() !== undefined && options.nobodyKnown();
  const mayStart = () => options.mayStart() || isAway();
  const told = () => (pods.synced() ? pods.list() : kept.all().map(({ pod }) => pod));
  const wanted = (running: ReadonlyMap<WorkloadId, number>, host: HostFacts): ReadonlyMap<WorkloadId, Desired> => {
    if (pods.synced()) kept.keep(nextKept(kept.all(), decidedOn(pods.list(), nodeName, lookup())));
    return desiredOfPods(told(), {
      ...{ nodeName, listenHost: options.listenHost(), host, lookup: lookup(), running, mayStart: mayStart() },
      keysOf: (pod, claim) => keys.keysOf(idOfPod(pod), claim),
    });
  };
  const ended = Promise.all([pods.run(over.signal), pods.whenSynced(over.signal).then(news)]);
  const work = memoised(wanted, { ...options, mayStart }, () => version);
  let last: WantedWork["workloads"] | undefined;
  return {
    current: () => {
      const synced = pods.synced();
      const workloads = work();
      if (synced && last !== workloads) {
        last = workloads;
        keys.keepOnly(new Set([...workloads.keys(), ...options.running().keys()]));
      }
      const models = synced ? manifests.models() : undefined;
      const trouble = [pods.trouble(), ...manifests.problems(), ...keys.problems(), ...kept.problems()].filter(
        (one) => one !== undefined,
      );
      const problems = [...new Set([...trouble, ...unreadable(pods)])];
      return { workloads, synced, problems, notes: [], models: models && wantedFiles(models) };
    },
    pods: () => new Map(pods.list().map((pod) => [idOfPod(pod), pod])),
    synced: pods.synced,
    models: manifests.models,
    onPod: (listener) => listeners.push(listener),
    close: async () => {
      over.abort();
      await Promise.all([ended, manifests.close(), keys.close()]);
    },
  };
}

function readPod(object: KubeObject): Parsed<Pod> {
  return parsePod(object);
}

function unreadable({ keys, problem }: { keys(): readonly string[]; problem(key: string): string | undefined }) {
  return keys().flatMap((key) => problem(key) ?? []);
}

/** Of the pods that may run: nothing is watched for one that ends. */
function claimsOf(pods: readonly Pod[], nodeName: string): ReadonlyMap<WorkloadId, PodClaim> {
  const claims = new Map<WorkloadId, PodClaim>();
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined || isTerminal(pod)) continue;
    const reading = readClaim(pod, nodeName);
    if (reading.is === "claim") claims.set(idOfPod(pod), reading.claim);
  }
  return claims;
}

/** Of the pods that may run: what each is accepted for. One that is refused is to be forgotten. */
function decidedOn(pods: readonly Pod[], nodeName: string, lookup: Lookup): readonly DecidedPod[] {
  return pods.flatMap((pod): readonly DecidedPod[] => {
    if (pod.metadata.deletionTimestamp !== undefined || isTerminal(pod)) return [];
    const reading = readClaim(pod, nodeName);
    const acceptance = reading.is === "claim" ? acceptPod(reading.claim, lookup) : reading;
    if (acceptance.is === "refused") return [];
    if (acceptance.is === "undecided") return [{ pod, accepted: "undecided" }];
    const { service, model, draft } = acceptance;
    return [{ pod, accepted: { service, model, draft } }];
  });
}

type Ports = ReadonlyMap<WorkloadId, number>;

/** Makes all workloads anew when something was told, or when what runs or the llama-server is another one than at the last call. */
function memoised(
  wanted: (running: Ports, host: HostFacts) => WantedWork["workloads"],
  { host, running, listenHost, mayStart }: PodSourceOptions,
  version: () => number,
): () => WantedWork["workloads"] {
  let last:
    | { readonly basis: readonly unknown[]; readonly running: Ports; readonly made: WantedWork["workloads"] }
    | undefined;
  return () => {
    const facts = host();
    const ports = running();
    const basis = [version(), facts.options, listenHost(), mayStart()];
    const same = last !== undefined && basis.every((part, index) => part === last?.basis[index]);
    if (last !== undefined && same && isDeepStrictEqual(last.running, ports)) return last.made;
    last = { basis, running: new Map(ports), made: wanted(ports, facts) };
    return last.made;
  };
}
