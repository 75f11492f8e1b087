import assert from "node:assert/strict";
import fc from "fast-check";
import { GiB } from "../../../api/bytes.ts";
import { DEFAULT_PORTS, PRIORITY_CLASSES, SERVICE_LABEL } from "../../../api/fleet.ts";
import { quantityBytes } from "../../../api/quantity.ts";
import { readMac } from "../../../controller/plan/mac.ts";
import { planService } from "../../../controller/plan/plan-service.ts";
import { canonicalBytes } from "../../../controller/plan/quantity.ts";
import { parseSchedulerWords } from "../../../controller/plan/scheduler-words.ts";
import { workloadOf } from "../../../controller/plan/workload.ts";
import type { KubeObject } from "../../../kube/client.ts";
import type { Host } from "../../../memory/placement/host.ts";
import { place } from "../../../memory/placement/place.ts";
import type { Bound, Waiting } from "../../../memory/placement/workload.ts";
import { allocatePort } from "../../../serving/ports.ts";
import { mac, model, needing, service } from "../../controller/plan/objects.ts";
import { type Cluster, CONTROL_PLANE_TIMEOUT_MS, startCluster } from "../../support/cluster/cluster.ts";
import { untilTrue } from "../../support/cluster/until.ts";

interface ServiceCase {
  readonly bytes: number;
  readonly priority: "high" | "normal" | "batch";
  readonly replicas: number;
  readonly fraction: number | undefined;
}

/** Macs, services that come first, and services that come when those have settled. */
interface SmallFleet {
  readonly macs: readonly { readonly gib: number; readonly cordoned: boolean; readonly pods: number }[];
  readonly first: readonly ServiceCase[];
  readonly next: readonly ServiceCase[];
}

const serviceCases = fc.record({
  bytes: fc.oneof(fc.integer({ min: GiB, max: 14 * GiB }), fc.constantFrom(5_000_000_000, 6 * GiB, 7_500_000)),
  priority: fc.constantFrom("high", "normal", "batch"),
  replicas: fc.integer({ min: 1, max: 2 }),
  fraction: fc.constantFrom(undefined, undefined, undefined, 0.25, 0.5),
});

const smallFleets: fc.Arbitrary<SmallFleet> = fc.record({
  macs: fc.array(
    fc.record({
      gib: fc.constantFrom(8, 16, 24),
      cordoned: fc.nat(5).map((dice) => dice === 0),
      pods: fc.constantFrom(1, 8),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  first: fc.array(serviceCases, { maxLength: 2 }),
  next: fc.array(serviceCases, { minLength: 1, maxLength: 3 }),
});

type Planned = Waiting & { readonly deployment: KubeObject };

const CASES = 24;
const SEED = 20_261_126;
const NAMESPACE = "team";
/** A label of the Macs of one case, so that all cases share one control plane at the same time. */
const CASE = "example.com/case";

describe("place beside the real scheduler", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let cluster: Cluster;
  let hosts: readonly Host[];
  const fleets = fc.sample(smallFleets, { numRuns: CASES, seed: SEED });
  const ports = new Map<number, string>();
  const asked: Planned[] = [];

  before(async () => {
    // No agent renews a Lease here: Nodes are written once, as agents would.
    cluster = await startCluster({ nodeGraceSeconds: 3600, crds: false });
    await cluster.kubectl(["create", "namespace", NAMESPACE]);
    await cluster.kubectl(["create", "-f", "-"], { input: Object.values(PRIORITY_CLASSES).map(priorityClass) });
    hosts = await makeMacs(cluster, fleets);
  });
  after(() => cluster?.stop());

  it("promises a place to nothing that the scheduler then leaves without one", async () => {
    const first = fleets.flatMap((fleet, index) => planned(index, "first", fleet.first));
    const settled = await settle(first);
    const second = fleets.flatMap((fleet, index) => planned(index, "next", fleet.next));
    const waiting = [...first, ...second].map((one) => ({ ...one, replicas: one.replicas - countOf(one, settled) }));
    const promises = place(
      hosts,
      settled,
      waiting.filter(({ replicas }) => replicas > 0),
    ).outcomes;
    const kinds = Map.groupBy(promises, ({ kind }) => kind);
    assert.ok((kinds.get("runs")?.length ?? 0) > CASES / 2 && kinds.has("stays out"), "the cases say little");
    const runs = await settle(second);
    for (const [name, promised] of Map.groupBy(kinds.get("runs") ?? [], ({ workload }) => workload)) {
      const there = runs.filter(({ workload }) => workload === name).length;
      assert.ok(there >= promised.length, `${name}: ${there} of ${promised.length} that were promised`);
    }
  });

  it("understands every word that the scheduler said of those without a place", async () => {
    const pods = Object(await cluster.read("pods", "-n", NAMESPACE)).items as readonly PodJson[];
    const messages = pods.flatMap(({ status: { conditions = [] } }) =>
      conditions.flatMap(({ type, status: holds, message }) =>
        type === "PodScheduled" && holds === "False" ? [message ?? ""] : [],
      ),
    );
    assert.ok(messages.length > 0);
    for (const message of messages) {
      const words = parseSchedulerWords(message);
      assert.ok(words !== undefined && !words.obstacles.some(({ kind }) => kind === "other"), message);
    }
  });

  it("asks for memory in the API server's own spelling, so that nothing is written again for its sake", async () => {
    const deployments = Object(await cluster.read("deployments", "-n", NAMESPACE)).items as readonly KubeObject[];
    assert.ok(deployments.length > 0);
    for (const { metadata, ...live } of deployments) {
      const meant = asked.find(({ deployment }) => deployment.metadata.name === metadata.name)?.deployment;
      assert.equal(memoryOf(live), memoryOf(meant));
    }
  });

  function planned(index: number, batch: string, services: readonly ServiceCase[]): readonly Planned[] {
    return services.map(({ bytes, priority, replicas, fraction }, number) => {
      const name = `${batch}-${index}-${number}`;
      const spec = { priority, replicas, nodeSelector: { [CASE]: String(index) } };
      const its = model(fraction === undefined ? {} : { memoryFraction: fraction });
      const port = allocatePort(ports, name, DEFAULT_PORTS);
      assert.ok(port.ok);
      ports.set(port.value, name);
      const asked = { service: service(spec, { name }), model: its, estimate: needing(bytes), port: port.value };
      const plan = planService({ ...asked, apiKey: "unused" });
      assert.ok(plan.ok);
      const { deployment } = plan.value;
      const workload = workloadOf(deployment, its, PRIORITY_CLASSES[priority].value);
      assert.ok(workload !== undefined);
      return { workload, replicas, deployment };
    });
  }

  /** Applies Deployments, and waits until the scheduler has said its word on every pod. */
  async function settle(batch: readonly Planned[]): Promise<readonly Bound[]> {
    asked.push(...batch);
    // There is no InferenceService here that could own them.
    const input = batch.map(({ deployment }) => {
      const { ownerReferences: _none, ...metadata } = deployment.metadata;
      return { ...deployment, metadata };
    });
    if (input.length > 0) await cluster.kubectl(["create", "-f", "-"], { input });
    const wanted = asked.reduce((count, { replicas }) => count + replicas, 0);
    let last = "";
    const seen = await untilTrue(
      "every pod has a Mac, or is told that there is none",
      () => readPods(cluster),
      (pods) => {
        const now = JSON.stringify(pods);
        const isSame = now === last;
        last = now;
        return isSame && pods.length === wanted && pods.every(({ isDecided }) => isDecided);
      },
      { timeoutMs: 90_000, everyMs: 2500 },
    );
    const demands = new Map(asked.map(({ workload }) => [workload.name, workload.demands]));
    return seen.flatMap(({ isDecided: _decided, host, ...pod }) =>
      host === undefined ? [] : [{ ...pod, host, demands: demands.get(pod.workload ?? "") }],
    );
  }
});

function memoryOf(deployment: object | undefined): unknown {
  return Object(deployment).spec.template.spec.containers[0].resources.requests.memory;
}

function countOf({ workload }: Planned, pods: readonly Bound[]): number {
  return pods.filter((pod) => pod.workload === workload.name).length;
}

function priorityClass({ name, value }: { readonly name: string; readonly value: number }): object {
  return { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass", metadata: { name }, value };
}

async function makeMacs(cluster: Cluster, fleets: readonly SmallFleet[]): Promise<readonly Host[]> {
  const macs = fleets.flatMap(({ macs: some }, index) =>
    some.map(({ gib, cordoned, pods }, number) => {
      const { labels, ...facts } = mac(`mac-${index}-${number}`, gib);
      return { ...facts, labels: { ...labels, [CASE]: String(index) }, unschedulable: cordoned, allocatablePods: pods };
    }),
  );
  const nodes = macs.map(({ name, labels, taints, unschedulable }) => ({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    spec: { taints, unschedulable },
  }));
  await cluster.kubectl(["create", "-f", "-"], { input: nodes });
  const now = new Date().toISOString();
  const ready = { type: "Ready", status: "True", reason: "Ready", lastHeartbeatTime: now, lastTransitionTime: now };
  const statuses = macs.map(({ name, allocatableBytes, allocatablePods }) => {
    const allocatable = { memory: canonicalBytes(allocatableBytes), pods: String(allocatablePods) };
    const status = { capacity: allocatable, allocatable, conditions: [ready] };
    return { apiVersion: "v1", kind: "Node", metadata: { name }, status };
  });
  await cluster.kubectl(["apply", "--server-side", "--subresource=status", "--force-conflicts", "-f", "-"], {
    input: statuses,
  });
  const list = await untilTrue(
    "no Mac counts as not ready",
    async () => Object(await cluster.read("nodes")).items as readonly KubeObject[],
    (items) => items.length === macs.length && !JSON.stringify(items).includes("node.kubernetes.io/not-ready"),
    { timeoutMs: 60_000 },
  );
  return list.map((node) => {
    const read = readMac(node);
    assert.ok(read.ok);
    return read.value;
  });
}

interface SeenPod extends Omit<Bound, "host"> {
  readonly host: string | undefined;
  /** It is bound, or the scheduler has found no place for it. */
  readonly isDecided: boolean;
}

/** All pods; those that leave are gone at the next look, as their agents would see to it. */
async function readPods(cluster: Cluster): Promise<readonly SeenPod[]> {
  const pods = Object(await cluster.read("pods", "-n", NAMESPACE)).items as readonly PodJson[];
  const leaving = pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
  if (leaving.length > 0) {
    const names = leaving.map(({ metadata: { name } }) => name);
    await cluster.kubectl([
      "delete",
      "pod",
      "-n",
      NAMESPACE,
      "--grace-period=0",
      "--force",
      "--ignore-not-found",
      ...names,
    ]);
  }
  const byWorkload = pods.map(({ metadata, spec, status }) => ({
    pod: metadata.name,
    workload: `${NAMESPACE}/${metadata.labels[SERVICE_LABEL]}`,
    host: spec.nodeName,
    needBytes: bytesOf(spec.containers[0]?.resources.requests.memory),
    ports: [spec.containers[0]?.ports[0]?.hostPort ?? 0],
    priority: spec.priority,
    isDecided:
      metadata.deletionTimestamp === undefined &&
      (spec.nodeName !== undefined ||
        (status.nominatedNodeName === undefined &&
          status.conditions?.some(({ type, status: holds }) => type === "PodScheduled" && holds === "False") === true)),
  }));
  return byWorkload.toSorted((a, b) => (a.pod < b.pod ? -1 : 1));
}

function bytesOf(quantity: string | undefined): number {
  const bytes = quantityBytes(quantity ?? "");
  return typeof bytes === "bigint" ? Number(bytes) : 0;
}

interface PodJson {
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly nodeName?: string;
    readonly priority: number;
    readonly containers: readonly {
      readonly ports: readonly { readonly hostPort: number }[];
      readonly resources: { readonly requests: { readonly memory: string } };
    }[];
  };
  readonly status: {
    readonly nominatedNodeName?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}
