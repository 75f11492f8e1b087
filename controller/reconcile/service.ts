import { randomBytes } from "node:crypto";
import { SERVICE_CONDITIONS } from "../../api/fleet.ts";
import { formatBytes } from "../../api/quantity.ts";
import type { KubeObject } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import type { Outcome } from "../../kube/queue.ts";
import type { HeaderBook } from "../headers/book.ts";
import { planService, type ServicePlan } from "../plan/plan-service.ts";
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
import { memoryChange, podsToResize, type Resizing, resizePod, withMemory } from "./resize.ts";
import type { Telling } from "./telling.ts";

export interface ServiceReconcilerOptions {
  readonly fleet: Fleet;
  readonly headers: HeaderBook;
  readonly ports: PortBook;
  readonly children: Children;
  readonly status: StatusWriter;
  readonly tell: Telling;
  readonly resizing: Resizing;
  readonly log: (message: string) => void;
  /** Services that another Mac could help. */
  readonly lookAtMacs: Set<string>;
}

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
    const refused = decision.kind === "refused" ? decision : await make(options, view, decision);
    if (refused !== undefined && "ok" in refused) return refused;
    if (refused === undefined) return await report(options, view, fitting(decision));
    const held = await holdBack(options, view);
    return held ?? (await report(options, view, { ...refused, kind: "refused" }, refused.againInMs));
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
  { joined, estimate }: Extract<Decision, { readonly kind: "admitted" }>,
): Promise<Refusal | Failed | undefined> {
  const { ports, children, fleet } = options;
  const deployment = deploymentOf(joined.service, fleet);
  const port = ports.portFor(view.key, deployment && portOfDeployment(deployment));
  if (!port.ok) return refusal("PortsUsedUp", port.error, { isPersons: false, againInMs: PORTS_AGAIN_MS });
  const plan = planService({ ...joined, estimate, port: port.value, apiKey: newApiKey() });
  if (!plan.ok) return refusal("InvalidSpec", plan.error);
  const made = await children.ensure(joined.service, await resized(options, view, plan.value, deployment));
  if (made.ok) return undefined;
  if ("collision" in made) return refusal("NameCollision", made.collision, { againInMs: COLLISION_AGAIN_MS });
  return made.kind === "invalid" ? refusal("InvalidSpec", made.error) : made;
}

/**
 * The plan, after pods whose memory alone changes were resized where they run: then their template stays as it is, and nothing rolls out.
 * Where the server refuses that the template changes, and says why.
 */
async function resized(
  { fleet, resizing, log }: ServiceReconcilerOptions,
  view: ServiceView,
  plan: ServicePlan,
  live: KubeObject | undefined,
): Promise<ServicePlan> {
  const change = memoryChange(plan.deployment, live);
  const pods = fleet.podsOf(view.key);
  const placed = pods.filter(({ node, isDeleting }) => node !== undefined && !isDeleting);
  if (change === undefined || placed.length === 0) return plan;
  for (const pod of podsToResize(pods, change)) {
    const done = await resizePod(resizing, pod, change.to);
    if (done.ok || done.kind === "not-found") continue;
    log(
      `InferenceService ${view.key}: its pods are replaced, because pod ${pod.name} cannot be resized: ${done.error}`,
    );
    return plan;
  }
  return { ...plan, deployment: withMemory(plan.deployment, change.from) };
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

async function report(
  { fleet, status, tell }: ServiceReconcilerOptions,
  view: ServiceView,
  verdict: Verdict,
  againInMs?: number,
): Promise<Outcome> {
  const wanted = serviceStatus({
    service: view.manifest.ok ? view.manifest.value : undefined,
    generation: view.generation,
    verdict,
    deployment: deploymentFacts(ownDeployment(view, fleet)),
    pods: fleet.podsOf(view.key),
    isOthersToo: view.isOthersToo,
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

function fitting(decision: Decision): Verdict {
  if (decision.kind !== "admitted") throw new Error("only what is admitted is made");
  const { estimate, joined } = decision;
  const { memoryBudget, memoryFraction } = joined.model.spec.hardware ?? {};
  const budget = memoryBudget ?? (memoryFraction === undefined ? undefined : `${memoryFraction} of a Mac's memory`);
  const within = budget === undefined ? "" : `, budget ${budget}`;
  return { kind: "planned", estimate, message: `estimated ${formatBytes(estimate.totalBytes)} required${within}` };
}

/** 256 bits, in characters that need no quoting anywhere. */
function newApiKey(): string {
  return randomBytes(32).toString("base64url");
}
