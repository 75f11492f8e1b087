import { randomBytes } from "node:crypto";
import { SERVICE_CONDITIONS } from "../../api/fleet.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { KubeFailure, KubeObject } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { NAMESPACE_GOING } from "../../kube/namespace-going.ts";
import type { Outcome } from "../../kube/queue.ts";
import type { HeaderBook } from "../headers/book.ts";
import { planService } from "../plan/plan-service.ts";
import { deploymentFacts } from "../status/deployment-facts.ts";
import { serviceStatus } from "../status/service-status.ts";
import type { Verdict } from "../status/verdict.ts";
import type { Fleet } from "../watch/fleet.ts";
import type { ServiceView } from "../watch/manifest-view.ts";
import type { PodView } from "../watch/pod-view.ts";
import { type PortBook, portOfDeployment } from "../watch/port-book.ts";
import { hasCondition, isCurrent, type StatusWriter } from "../write/status-writer.ts";
import type { Children } from "./children.ts";
import { type Decision, decide, deploymentOf, modelKeys, type Refusal, refusal } from "./decide.ts";
import { rolloutReason } from "./rollout.ts";
import type { Telling } from "./telling.ts";
import type { WayInTeller } from "./way-in.ts";

export interface ServiceReconcilerOptions {
  readonly fleet: Fleet;
  readonly headers: HeaderBook;
  readonly ports: PortBook;
  readonly children: Children;
  readonly status: StatusWriter;
  readonly tell: Telling;
  /** Says of a service that its pods are replaced, and why. */
  readonly tellRollout: (view: ServiceView, reason: string) => void;
  readonly wayIn: WayInTeller;
  readonly hasSelectorField: () => boolean;
  /** Services that another Mac could help. */
  readonly lookAtMacs: Set<string>;
}

type Admitted = Extract<Decision, { readonly kind: "admitted" }>;
type Failed = Extract<Outcome, { readonly ok: false }>;

/** Nothing more is to be done now. */
const DONE: Outcome = { ok: true };

/** By this the header book wakes a service. */
export function serviceWaiter(key: string): string {
  return `service ${key}`;
}

/** Brings one InferenceService to what its manifests say: level-based, so that it may be called at any time. */
export function serviceReconciler(options: ServiceReconcilerOptions): (key: string) => Promise<Outcome> {
  const { fleet, headers, children, lookAtMacs } = options;

  async function pass(view: ServiceView, decision: Decision): Promise<Outcome> {
    if (decision.kind === "not ours") {
      const removed = await children.removeAll(view);
      return removed.ok ? await withdraw(options, view) : removed;
    }
    // What was decided before holds until the header is there: a status must not flicker.
    if (decision.kind === "waiting") {
      return isDecided(view) ? DONE : await report(options, view, { ...decision, reason: "ReadingHeader" });
    }
    if (decision.kind === "refused") return await refuse(options, view, decision);
    const refused = await make(options, view, decision);
    if (refused === undefined) return await reportMade(options, view, decision);
    if (!("ok" in refused)) return await refuse(options, view, refused);
    if (isNamespaceGoing(refused)) return DONE;
    return refused.kind === "forbidden" ? await tellForbidden(options, view, refused) : refused;
  }

  return async (key) => {
    const view = fleet.services.get(key);
    if (view === undefined) return DONE;
    const models = modelKeys(view);
    fleet.servicesOfModels.set(key, models.ok ? models.value : []);
    if (view.isDeleting) return DONE;
    const decision = decide(view, fleet, headers, serviceWaiter(key));
    if (decision.kind === "refused" && decision.dependsOnFleet) lookAtMacs.add(key);
    else lookAtMacs.delete(key);
    return await pass(view, decision);
  };
}

/** Makes what an admitted service consists of; undefined: it is there. */
async function make(
  options: ServiceReconcilerOptions,
  view: ServiceView,
  { joined, estimate }: Admitted,
): Promise<Refusal | KubeFailure | undefined> {
  const { ports, children, fleet } = options;
  const deployment = deploymentOf(joined.service, fleet);
  const port = ports.portFor(view.key, deployment && portOfDeployment(deployment));
  if (!port.ok) return refusal("PortsUsedUp", port.error, { isPersons: false, againInMs: PORTS_AGAIN_MS });
  const plan = planService({ ...joined, estimate, port: port.value, apiKey: newApiKey() });
  if (!plan.ok) return refusal("InvalidSpec", plan.error);
  const rollout = rolloutReason(plan.value.deployment, deployment);
  const made = await children.ensure(joined.service, plan.value);
  if (made.ok && rollout !== undefined) options.tellRollout(view, rollout);
  if (made.ok) return undefined;
  if ("collision" in made) return refusal("NameCollision", made.collision, { againInMs: COLLISION_AGAIN_MS });
  return made.kind === "invalid" ? refusal("InvalidSpec", made.error) : made;
}

/** A port becomes free when another service is deleted, which is no event of this one. */
const PORTS_AGAIN_MS = 60_000;
/** What is not ours is not watched. */
const COLLISION_AGAIN_MS = 60_000;

/** Whether its Mac runs a pod's server, as far as is known: one that was bound too late to be held back is refused there. */
function mayRun({ node, isDeleting, reason }: PodView): boolean {
  return node !== undefined && !isDeleting && !REFUSED_ON_MAC.has(reason ?? "");
}

/** Reasons of an agent that does not start a server, in the words that this controller has for the same. */
const REFUSED_ON_MAC: ReadonlySet<string> = new Set(["InsufficientMemory", "MemoryCheckFailed", "InvalidSpec"]);

/** What runs goes on under its agent's eyes; what is gone is not replaced, and what waits for a Mac is taken back. */
async function holdBack({ fleet, children }: ServiceReconcilerOptions, view: ServiceView): Promise<Failed | undefined> {
  const deployment = ownDeployment(view, fleet);
  if (deployment === undefined) return undefined;
  const onMacs = fleet.podsOf(view.key).filter(mayRun).length;
  if (deploymentFacts(deployment).wanted <= onMacs) return undefined;
  const held = await children.holdReplicas(deployment, onMacs);
  return held.ok ? undefined : held;
}

/** Nothing can be made in a namespace that is being deleted, and the service goes with it. */
function isNamespaceGoing({ error }: Failed): boolean {
  return error.includes(NAMESPACE_GOING);
}

/** Who may not make a service's objects may not change them either: what runs is left alone, and the service says what the server said. */
async function tellForbidden(
  options: ServiceReconcilerOptions,
  view: ServiceView,
  failure: KubeFailure,
): Promise<Outcome> {
  const forbidden = refusal("Forbidden", failure.error, { isPersons: false });
  const told = await report(options, view, { ...forbidden, kind: "refused" });
  return told.ok ? failure : told;
}

async function refuse(options: ServiceReconcilerOptions, view: ServiceView, refused: Refusal): Promise<Outcome> {
  const held = await holdBack(options, view);
  return held ?? (await report(options, view, { ...refused, kind: "refused" }, refused.againInMs));
}

/** Of a service that is there; a replica that waits is told what would let it in. */
async function reportMade(options: ServiceReconcilerOptions, view: ServiceView, decision: Admitted): Promise<Outcome> {
  const withWayIn = options.wayIn(view, decision.joined, serviceWaiter(view.key));
  return await report(options, view, fitting(decision), undefined, withWayIn);
}

async function report(
  { fleet, status, tell, hasSelectorField }: ServiceReconcilerOptions,
  view: ServiceView,
  verdict: Verdict,
  againInMs?: number,
  withWayIn?: (message: string) => string,
): Promise<Outcome> {
  const wanted = serviceStatus({
    service: view.manifest.ok ? view.manifest.value : undefined,
    generation: view.generation,
    verdict,
    deployment: deploymentFacts(ownDeployment(view, fleet)),
    pods: fleet.podsOf(view.key),
    isOthersToo: view.isOthersToo,
    hasSelectorField: hasSelectorField(),
    withWayIn,
  });
  const written = await status.write(KINDS.inferenceService, view, wanted);
  if (!written.ok) return written.kind === "not-found" || written.kind === "conflict" ? DONE : written;
  if (written.value.wrote) tell(KINDS.inferenceService, view, wanted.conditions, SERVICE_CONDITIONS.accepted);
  const again = [againInMs, written.value.againAfterMs].filter((one) => one !== undefined);
  return { ok: true, againAfterMs: again.length === 0 ? undefined : Math.min(...again) };
}

/** A service that was ours: what was said of it is taken away. Of one that never was, nothing is touched. */
async function withdraw({ status }: ServiceReconcilerOptions, view: ServiceView): Promise<Outcome> {
  if (!hasCondition(view, SERVICE_CONDITIONS.accepted)) return DONE;
  const written = await status.write(KINDS.inferenceService, view, { fields: {}, conditions: [] });
  return written.ok ? { ok: true, againAfterMs: written.value.againAfterMs } : written;
}

function ownDeployment({ manifest, uid }: ServiceView, fleet: Fleet): KubeObject | undefined {
  const deployment = manifest.ok ? deploymentOf(manifest.value, fleet) : undefined;
  return deployment?.metadata.ownerReferences?.some((owner) => owner.uid === uid) ? deployment : undefined;
}

function isDecided(view: ServiceView): boolean {
  return (["True", "False"] as const).some((holds) => isCurrent(view, SERVICE_CONDITIONS.accepted, holds));
}

function fitting({ estimate, joined }: Admitted): Verdict {
  const { memoryBudget, memoryFraction } = joined.model.spec.hardware ?? {};
  const budget = memoryBudget ?? (memoryFraction === undefined ? undefined : `${memoryFraction} of a Mac's memory`);
  const within = budget === undefined ? "" : `, budget ${budget}`;
  return { kind: "planned", estimate, message: `estimated ${formatBytes(estimate.totalBytes)} required${within}` };
}

/** 256 bits, in characters that need no quoting anywhere. */
function newApiKey(): string {
  return randomBytes(32).toString("base64url");
}
