import { unlessAborted } from "../../agent/lifecycle/aborted.ts";
import { MAC_OS_LABEL_VALUE, NODE_LABELS } from "../../api/fleet.ts";
import { CONTROLLER, POLICIES } from "../../cluster/names.ts";
import type { KubeClient, KubeFailure, KubeObject, KubeResult, Selection } from "../../kube/client.ts";
import { KINDS, type ResourceKind, resource } from "../../kube/kinds.ts";
import { withProgress } from "../progress.ts";
import { type Check, type Finding, skipped } from "./check.ts";
import {
  judgeDaemonSets,
  judgeDefinitions,
  judgeLease,
  judgeMacs,
  judgeNames,
  judgeRequests,
  PRIORITY_CLASS_NAMES,
} from "./cluster-checks.ts";
import { checkRights } from "./cluster-rights.ts";

export interface ClusterSubject {
  readonly client: KubeClient;
  /** The user that the kubeconfig says `as`. */
  readonly impersonates: string | undefined;
  /** Of the controller. */
  readonly namespace: string;
}

type Look = (subject: ClusterSubject, signal: AbortSignal) => Promise<readonly Finding[]>;

const admission = (kind: string, plural: string) =>
  resource("admissionregistration.k8s.io", "v1", kind, plural, "cluster");
const POLICY = admission("ValidatingAdmissionPolicy", "validatingadmissionpolicies");
const BINDING = admission("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings");
const MACS: Selection = { labelSelector: `${NODE_LABELS.os}=${MAC_OS_LABEL_VALUE}` };

const LOOKS: readonly (readonly [name: string, look: Look])[] = [
  ["definitions", checkDefinitions],
  ["rights", checkRights],
  ["admission policies", named("policies", POLICY, Object.values(POLICIES))],
  ["their bindings", named("bindings", BINDING, Object.values(POLICIES))],
  ["PriorityClasses", named("classes", KINDS.priorityClass, PRIORITY_CLASS_NAMES)],
  ["controller", checkController],
  ["Macs", (subject, signal) => judged(list(subject, KINDS.node, MACS, signal), judgeMacs)],
  [
    "DaemonSets",
    (subject, signal) => judged(list(subject, KINDS.daemonSet, {}, signal), (all) => [judgeDaemonSets(all)]),
  ],
  ["certificates of Macs", checkRequests],
];

/** Looks at one thing after another until `stop`. Asks only, changes nothing, and never throws. */
export async function diagnoseCluster(subject: ClusterSubject, stop: AbortSignal): Promise<readonly Check[]> {
  const reached = await subject.client.get(KINDS.namespace, { name: subject.namespace }, { signal: stop });
  const server = serverCheck(subject, reached);
  const checks: Check[] = [server];
  if (server.state === "failed") return checks;
  for (const [name, look] of LOOKS) {
    const findings = stop.aborted
      ? undefined
      : await withProgress(`checking: ${name}`, unlessAborted(look(subject, stop), stop));
    for (const finding of findings ?? [skipped("interrupted")]) checks.push({ name, ...finding });
  }
  return checks;
}

function serverCheck({ client, namespace }: ClusterSubject, reached: KubeResult<KubeObject>): Check {
  const name = "API server";
  if (reached.ok || reached.kind === "forbidden") return { name, state: "ok", found: client.server };
  if (reached.kind !== "not-found") return { name, state: "failed", found: reached.error };
  const remedy = "pulumi-llmkube manifests controller | kubectl apply -f -, or LlmController";
  return { name, state: "warning", found: `${client.server} has no namespace ${namespace}`, remedy };
}

async function list(
  { client }: ClusterSubject,
  kind: ResourceKind,
  selection: Selection,
  signal: AbortSignal,
): Promise<KubeResult<readonly KubeObject[]>> {
  const listed = await client.list(kind, selection, { signal });
  return listed.ok ? { ok: true, value: listed.value.items } : listed;
}

async function judged(
  listed: Promise<KubeResult<readonly KubeObject[]>>,
  judge: (objects: readonly KubeObject[]) => readonly Finding[],
): Promise<readonly Finding[]> {
  const objects = await listed;
  return objects.ok ? judge(objects.value) : [notSeen(objects)];
}

/** Who asks may not be allowed to look, which says nothing about what is there. */
function notSeen({ kind, error }: KubeFailure): Finding {
  return kind === "forbidden" ? skipped(error) : { state: "failed", found: error };
}

function named(what: string, kind: ResourceKind, names: readonly string[]): Look {
  return (subject, signal) => judged(list(subject, kind, {}, signal), (there) => [judgeNames(what, names, there)]);
}

async function checkDefinitions(subject: ClusterSubject, signal: AbortSignal): Promise<readonly Finding[]> {
  const missing: string[] = [];
  for (const kind of [KINDS.model, KINDS.inferenceService]) {
    const found = await subject.client.list(kind, { limit: 1 }, { signal });
    if (!found.ok && found.kind === "not-found") missing.push(kind.kind);
    else if (!found.ok) return [notSeen(found)];
  }
  return [judgeDefinitions(missing)];
}

async function checkController(
  { client, namespace }: ClusterSubject,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const lease = await client.get(KINDS.lease, { namespace, name: CONTROLLER }, { signal });
  if (!lease.ok && lease.kind !== "not-found") return [notSeen(lease)];
  return [judgeLease(lease.ok ? lease.value : undefined, Date.now())];
}

async function checkRequests(subject: ClusterSubject, signal: AbortSignal): Promise<readonly Finding[]> {
  const macs = await list(subject, KINDS.node, MACS, signal);
  if (!macs.ok) return [notSeen(macs)];
  const requests = list(subject, KINDS.certificateSigningRequest, {}, signal);
  return judged(requests, (all) => [judgeRequests(all, macs.value)]);
}
