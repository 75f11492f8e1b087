import { randomBytes } from "node:crypto";
import { SERVICE_CONDITIONS } from "../../api/fleet.ts";
import type { InferenceService } from "../../api/inferenceservice.ts";
import type { KubeObject } from "../../kube/client.ts";
import { keyOf } from "../../kube/keys.ts";
import { KINDS } from "../../kube/kinds.ts";
import type { Outcome } from "../../kube/queue.ts";
import { draftModelRef } from "../../serving/speculation.ts";
import type { HeaderBook } from "../headers/book.ts";
import { childNames } from "../plan/owned.ts";
import { planService } from "../plan/plan-service.ts";
import { type ModelView as JudgedModel, scopeOf } from "../plan/scope.ts";
import { deploymentFacts } from "../status/deployment-facts.ts";
import { serviceStatus } from "../status/service-status.ts";
import type { Verdict } from "../status/verdict.ts";
import type { Fleet } from "../watch/fleet.ts";
import type { ServiceView } from "../watch/manifest-view.ts";
import { type PortBook, portOfDeployment } from "../watch/port-book.ts";
import type { StatusWriter } from "../write/status-writer.ts";
import type { Children } from "./children.ts";
import { type Judge, judgeNeed } from "./judge.ts";
import { type Joined, needOf } from "./need.ts";
import type { Telling } from "./telling.ts";

export interface ServiceReconcilerOptions {
  readonly fleet: Fleet;
  readonly headers: HeaderBook;
  readonly ports: PortBook;
  readonly children: Children;
  readonly status: StatusWriter;
  readonly judge?: Judge;
  readonly tell: Telling;
  /** Services whose verdict or place depends on which Macs there are. */
  readonly lookAtMacs: Set<string>;
}

/** What one pass came to. `againInMs`: when something is to be looked at again without an event. */
interface Decision {
  readonly verdict: Verdict;
  readonly againInMs?: number | undefined;
}

/** Brings one InferenceService to what its manifests say: level-based, so that it may be called at any time. */
export function serviceReconciler(options: ServiceReconcilerOptions) {
  const { fleet, headers, ports, children, status, tell, lookAtMacs, judge = judgeNeed } = options;

  async function decide(view: ServiceView): Promise<Decision | "not ours" | Failed> {
    if (!view.manifest.ok) return refuse("InvalidSpec", view.manifest.error);
    const service = view.manifest.value;
    const scope = scopeOf({ service, ...modelsOf(service) });
    if (scope.kind === "not ours") return "not ours";
    if (scope.kind === "incomplete") return refuse(scope.reason, scope.message);
    const joined: Joined = { service, model: scope.model, draft: scope.draft };
    const deployment = deploymentOf(service);
    const need = needOf(joined, deployment, headers, serviceWaiter(view.key));
    if (need.state === "reading") {
      return {
        verdict: { kind: "waiting", reason: "ReadingHeader", message: "the header of the model is being read" },
      };
    }
    if (need.state === "refused") {
      const refused = refuse(need.reason, need.message, need.reason === "InvalidSpec");
      return { ...refused, againInMs: need.againInMs };
    }
    const fit = judge({ joined, need, macs: fleet.macs.list(), headers, waiter: serviceWaiter(view.key) });
    if (!fit.fits) return refuse(fit.reason, fit.message);
    const port = ports.portFor(view.key, deployment && portOfDeployment(deployment));
    if (!port.ok) return refuse("PortsUsedUp", port.error, false);
    const plan = planService({ ...joined, estimate: need.estimate, port: port.value, apiKey: newApiKey() });
    if (!plan.ok) return refuse("InvalidSpec", plan.error);
    const made = await children.ensure(service, plan.value);
    if (made.ok) return { verdict: { kind: "planned", estimate: need.estimate, message: fit.message } };
    if ("collision" in made) return refuse("NameCollision", made.collision);
    if (made.kind === "invalid") return refuse("InvalidSpec", made.error);
    return made;
  }

  function modelsOf({ metadata, spec }: InferenceService): { model: JudgedModel; draft?: JudgedModel } {
    const look = (name: string): JudgedModel => {
      const view = fleet.models.get(keyOf({ namespace: metadata.namespace, name }));
      if (view === undefined) return "absent";
      return view.manifest.ok ? view.manifest.value : "unreadable";
    };
    const draft = draftModelRef(spec);
    return { model: look(spec.modelRef), ...(draft !== undefined && { draft: look(draft) }) };
  }

  function deploymentOf(service: InferenceService): KubeObject | undefined {
    const { namespace } = service.metadata;
    return fleet.deployments.get(keyOf({ namespace, name: childNames(service).deployment }));
  }

  /** What runs goes on under its agent's eyes; what is gone is not replaced, and what waits for a Mac is taken back. */
  async function holdBack(view: ServiceView): Promise<Failed | undefined> {
    const deployment = view.manifest.ok ? deploymentOf(view.manifest.value) : undefined;
    if (deployment === undefined) return undefined;
    const bound = fleet.podsOf(view.key).filter(({ node, isDeleting }) => node !== undefined && !isDeleting).length;
    const { wanted } = deploymentFacts(deployment);
    if (wanted <= bound) return undefined;
    const held = await children.holdReplicas(deployment, bound);
    return held.ok ? undefined : held;
  }

  async function report(view: ServiceView, { verdict, againInMs }: Decision): Promise<Outcome> {
    const deployment = view.manifest.ok ? deploymentOf(view.manifest.value) : undefined;
    const wanted = serviceStatus({
      service: view.manifest.ok ? view.manifest.value : undefined,
      generation: view.generation,
      verdict,
      deployment: deploymentFacts(deployment),
      pods: fleet.podsOf(view.key),
      isOthersToo: view.isOthersToo,
    });
    const written = await status.write(KINDS.inferenceService, view, wanted);
    if (!written.ok) return written.kind === "not-found" || written.kind === "conflict" ? GONE : written;
    if (written.value.wrote) tell(KINDS.inferenceService, view, wanted.conditions, SERVICE_CONDITIONS.accepted);
    const again = [againInMs, written.value.againAfterMs].filter((one) => one !== undefined);
    return { ok: true, againAfterMs: again.length === 0 ? undefined : Math.min(...again) };
  }

  return async (key: string): Promise<Outcome> => {
    const view = fleet.services.get(key);
    if (view === undefined) return GONE;
    noteModels(view);
    if (view.isDeleting) return GONE;
    const decision = await decide(view);
    if (decision === "not ours") {
      lookAtMacs.delete(key);
      const removed = await children.removeAll(view);
      return removed.ok ? GONE : removed;
    }
    if ("ok" in decision) return decision;
    if (dependsOnMacs(decision.verdict)) lookAtMacs.add(key);
    else lookAtMacs.delete(key);
    const held = decision.verdict.kind === "refused" ? await holdBack(view) : undefined;
    return held ?? (await report(view, decision));
  };

  /** Also of a Model that does not exist yet. */
  function noteModels({ key, namespace, manifest }: ServiceView): void {
    if (!manifest.ok) return fleet.servicesOfModels.remove(key);
    const { spec } = manifest.value;
    const names = [spec.modelRef, draftModelRef(spec)].filter((name) => name !== undefined);
    fleet.servicesOfModels.set(
      key,
      names.map((name) => keyOf({ namespace, name })),
    );
  }
}

type Failed = Extract<Outcome, { readonly ok: false }>;

const GONE: Outcome = { ok: true };

/** By this the header book wakes a service. */
export function serviceWaiter(key: string): string {
  return `service ${key}`;
}

function refuse(reason: string, message: string, isPersons = true): Decision {
  return { verdict: { kind: "refused", reason, message, isPersons } };
}

function dependsOnMacs(verdict: Verdict): boolean {
  return verdict.kind === "refused" && verdict.reason === "InsufficientMemory";
}

/** 256 bits, in characters that need no quoting anywhere. */
function newApiKey(): string {
  return randomBytes(32).toString("base64url");
}
