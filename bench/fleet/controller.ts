import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { CONTROLLER, controllerManifests } from "../../cluster/index.ts";
import type { KubeClient } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { openKubeClient } from "../../kube/open-client.ts";
import { lastLines, startChild } from "../../test/support/cluster/child.ts";
import { type Cluster, startCluster } from "../../test/support/cluster/cluster.ts";
import { createAll, listAll, writeStatus } from "./bulk.ts";
import { type Cost, costUntilNow } from "./cost.ts";
import { models, namespaces, nodeStatus, nodes, services, settledDeployment } from "./objects.ts";

/** How the controller takes a fleet of one size. */
export interface Convergence {
  readonly macs: number;
  readonly services: number;
  /** From its start over services that it has never seen, until all of them have a Deployment and a status. */
  readonly cold: Stage;
  /** From its start over a settled cluster, until it has looked at everything. */
  readonly restart: Stage;
  /** One service of all of them is changed, until its Deployment is. */
  readonly changeMs: number;
}

export interface Stage {
  readonly seconds: number;
  /** Of the controller, by the audit log. */
  readonly reads: number;
  readonly writes: number;
  readonly cost: Cost;
}

const CLI = join(import.meta.dirname, "..", "..", "bin", "pulumi-llmkube.js");
const LOOK_MS = 500;
const IDLE_MS = 3000;
const READS = ["get", "list", "watch"];

/** Everybody else's limits are raised, and Kubernetes' own controllers left out, so that only this controller is measured. */
export async function convergence(macs: number, count: number, source: string): Promise<Convergence> {
  const cluster = await startCluster({
    schedulerAndControllers: false,
    arguments: { apiServer: ["--max-requests-inflight=3000", "--max-mutating-requests-inflight=1000"] },
  });
  try {
    const admin = await adminOf(cluster);
    await seed(cluster, admin, macs, count, source);
    const cold = await run(cluster, () => settled(admin, count));
    await settleDeployments(admin);
    // Takes in that they are available.
    await run(cluster, () => settled(admin, count));
    const restart = await run(
      cluster,
      () => settled(admin, count),
      () => change(admin),
    );
    return { macs, services: count, cold, restart, changeMs: restart.afterMs };
  } finally {
    await cluster.stop();
  }
}

async function adminOf(cluster: Cluster): Promise<KubeClient> {
  const admin = await openKubeClient({ kubeconfig: cluster.kubeconfigPath, timeoutMs: 120_000 });
  if (!admin.ok) throw new Error(admin.error);
  return admin.value;
}

async function seed(cluster: Cluster, admin: KubeClient, macs: number, count: number, source: string): Promise<void> {
  await cluster.kubectl(["apply", "--server-side", "-f", "-"], { input: [...controllerManifests({ crds: false })] });
  const macObjects = nodes(macs);
  await createAll(admin, KINDS.namespace, namespaces());
  await createAll(admin, KINDS.node, macObjects);
  await writeStatus(
    admin,
    KINDS.node,
    macObjects.map(({ metadata }) => metadata),
    nodeStatus,
  );
  await createAll(admin, KINDS.model, models(count, source));
  await createAll(admin, KINDS.inferenceService, services(count));
}

/** All services have a Deployment, and say what became of them. */
async function settled(admin: KubeClient, count: number): Promise<boolean> {
  const deployments = await listAll(admin, KINDS.deployment);
  if (deployments.length < count) return false;
  const all = await listAll(admin, KINDS.inferenceService);
  return all.every(({ status }) => typeof status === "object" && status !== null && "conditions" in status);
}

async function settleDeployments(admin: KubeClient): Promise<void> {
  const deployments = await listAll(admin, KINDS.deployment);
  await writeStatus(
    admin,
    KINDS.deployment,
    deployments.map(({ metadata }) => metadata),
    (index) => settledDeployment(deployments[index]?.metadata.generation),
  );
}

interface Run extends Stage {
  readonly afterMs: number;
}

/** Runs the controller until `done`, and then until it works no more; then `after` is measured with it. */
async function run(
  cluster: Cluster,
  done: () => Promise<boolean>,
  after: () => Promise<number> = async () => Number.NaN,
): Promise<Run> {
  const kubeconfig = await cluster.asServiceAccount(SYSTEM_NAMESPACE, CONTROLLER);
  const log = join(cluster.folder, "controller.log");
  const from = cluster.audit.now();
  const args = [CLI, "controller", "--kubeconfig", kubeconfig, "--listen", "off", "--allow-local-sources"];
  const child = startChild(process.execPath, args, log);
  try {
    const { pid } = child;
    if (pid === undefined) throw new Error("the controller does not start");
    while (!(await done())) {
      if (child.ended.aborted) throw new Error(await lastLines(log));
      await sleep(LOOK_MS);
    }
    const until = await untilIdle(cluster, pid);
    const own = await cluster.audit.requests({ fromMs: from, user: USER });
    const stage: Stage = {
      seconds: (until - from) / 1000,
      reads: own.filter(({ verb }) => READS.includes(verb)).length,
      writes: own.filter(({ verb, resource }) => !READS.includes(verb) && resource !== "leases").length,
      cost: await costUntilNow(pid),
    };
    return { ...stage, afterMs: await after() };
  } finally {
    await child.kill("SIGTERM");
  }
}

const USER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${CONTROLLER}`;

/** When it stopped to work: since then it has used less than a twentieth of a core for {@link IDLE_MS}. */
async function untilIdle(cluster: Cluster, pid: number): Promise<number> {
  for (;;) {
    const from = cluster.audit.now();
    const { cpuSeconds } = await costUntilNow(pid);
    await sleep(IDLE_MS);
    const used = (await costUntilNow(pid)).cpuSeconds - cpuSeconds;
    if (used < IDLE_MS / 1000 / 20) return from;
  }
}

/** Milliseconds from a changed context until the Deployment asks for another amount of memory. */
async function change(admin: KubeClient): Promise<number> {
  const [service] = services(1);
  if (service === undefined) throw new Error("no service");
  const { metadata } = service;
  const read = async () => {
    const [deployment] = await Promise.all([admin.get(KINDS.deployment, metadata)]);
    if (!deployment.ok) throw new Error(deployment.error);
    return deployment.value.metadata.generation;
  };
  const before = await read();
  const started = performance.now();
  const patched = await admin.patch(
    KINDS.inferenceService,
    metadata,
    { spec: { contextSize: 4096 } },
    { type: "merge" },
  );
  if (!patched.ok) throw new Error(patched.error);
  while ((await read()) === before) await sleep(20);
  return performance.now() - started;
}
