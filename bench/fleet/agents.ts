import { setTimeout as sleep } from "node:timers/promises";
import { nodeUser, SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { CONTROLLER } from "../../cluster/index.ts";
import { standIn } from "../../test/agent/stand-in.ts";
import { type Fleet, startFleet } from "../../test/fleet/fleet.ts";
import { countRequests } from "../../test/support/cluster/audit.ts";
import { model, service } from "../../test/support/cluster/objects.ts";
import { untilTrue } from "../../test/support/cluster/until.ts";
import { costOf, type ProcessCost, watchdogOf } from "../agent/process-cost.ts";

/** Requests to the API server a minute, while nothing happens. */
export interface Idle {
  readonly pods: number;
  readonly agent: number;
  readonly controller: number;
  /** Of the agent, by verb and resource. */
  readonly byKind: Readonly<Record<string, number>>;
  readonly main: ProcessCost;
  readonly watchdog: ProcessCost | undefined;
}

/** Milliseconds from `kubectl apply`, one number a run. */
export interface Latency {
  /** A Deployment and a Service of the same shape without us, until its pod is bound: what Kubernetes itself takes. */
  readonly floorBoundMs: readonly number[];
  readonly boundMs: readonly number[];
  readonly spawnedMs: readonly number[];
  readonly endpointMs: readonly number[];
}

export interface AgentFigures {
  readonly idle: readonly Idle[];
  readonly latency: Latency;
}

const RUNS = 10;
const MANY = 20;
const WATCHED_MS = 60_000;
const CONTROLLER_USER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${CONTROLLER}`;
const MAC = "mac-a";

/** One Mac, with stand-ins for llama-server, which are Ready at once: what is measured is everything else. */
export async function agentFigures(): Promise<AgentFigures> {
  const fleet = await startFleet({ macs: [{ name: MAC, hostMemory: "22Gi" }], llamaServer: await standIn("well") });
  try {
    const idle = [await idleWith(fleet, 0)];
    const latency = await latencyOf(fleet);
    for (let index = 0; index < MANY; index++) await addService(fleet, `many-${index}`);
    for (let index = 0; index < MANY; index++) await fleet.untilReady(`many-${index}`, 1, { timeoutMs: 300_000 });
    idle.push(await idleWith(fleet, MANY));
    return { idle, latency };
  } finally {
    await fleet.stop();
  }
}

async function addService(fleet: Fleet, name: string): Promise<void> {
  await fleet.apply(
    model({ name, source: fleet.weights.url("shared"), budget: "768Mi" }),
    service({ name, contextSize: 512 }),
  );
}

async function idleWith(fleet: Fleet, pods: number): Promise<Idle> {
  const { audit } = fleet.cluster;
  const pid = fleet.mac(MAC).agentPid();
  if (pid === undefined) throw new Error("the agent has ended");
  await sleep(15_000);
  const from = audit.now();
  const watchdogPid = await watchdogOf(pid);
  const [main, watchdog] = await Promise.all([
    costOf(pid),
    watchdogPid === undefined ? undefined : costOf(watchdogPid),
  ]);
  await sleep(Math.max(0, from + WATCHED_MS - audit.now()));
  const requests = await audit.requests({ fromMs: from });
  const minutes = (audit.now() - from) / 60_000;
  const own = requests.filter(({ user }) => user === nodeUser(MAC) || user.endsWith(`mac-${MAC}`));
  return {
    pods,
    agent: own.length / minutes,
    controller: requests.filter(({ user }) => user === CONTROLLER_USER).length / minutes,
    byKind: countRequests(own),
    main,
    watchdog,
  };
}

async function latencyOf(fleet: Fleet): Promise<Latency> {
  const runs: { floor: number; bound: number; spawned: number; endpoint: number }[] = [];
  for (let run = 0; run < RUNS; run++) {
    const floor = await floorRun(fleet, `floor-${run}`);
    runs.push({ floor, ...(await ourRun(fleet, `timed-${run}`)) });
  }
  return {
    floorBoundMs: runs.map(({ floor }) => floor),
    boundMs: runs.map(({ bound }) => bound),
    spawnedMs: runs.map(({ spawned }) => spawned),
    endpointMs: runs.map(({ endpoint }) => endpoint),
  };
}

const EVERY_MS = 25;

async function since(began: number, what: string, look: () => Promise<boolean>): Promise<number> {
  await untilTrue(what, look, (holds) => holds, { timeoutMs: 120_000, everyMs: EVERY_MS });
  return performance.now() - began;
}

async function ourRun(fleet: Fleet, name: string) {
  const before = new Set(await fleet.mac(MAC).servers());
  const began = performance.now();
  await addService(fleet, name);
  const times = await Promise.all([
    since(began, `${name} is bound`, async () => (await fleet.pods(name)).some(({ node }) => node !== "")),
    since(began, `${name} is spawned`, async () => (await fleet.mac(MAC).servers()).some((pid) => !before.has(pid))),
    since(began, `${name} is an endpoint`, async () => (await fleet.endpoints(name)).some(({ ready }) => ready)),
  ]);
  await fleet.remove(name);
  const [bound, spawned, endpoint] = times;
  return { bound, spawned, endpoint };
}

/** A Deployment of one pod that may be on this Mac, and of which nobody makes anything: its pod is not one of ours. */
async function floorRun(fleet: Fleet, name: string): Promise<number> {
  const labels = { app: name };
  const port = 11_000;
  const began = performance.now();
  await fleet.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          hostNetwork: true,
          tolerations: [{ operator: "Exists" }],
          containers: [
            {
              name: "plain",
              image: "plain:1",
              ports: [{ containerPort: port, hostPort: port }],
              resources: { requests: { memory: "600Mi" } },
            },
          ],
        },
      },
    },
  });
  const bound = async () =>
    (await fleet.cluster.kubectl(["get", "pods", `-lapp=${name}`, "-o", "jsonpath={.items[*].spec.nodeName}"])) !== "";
  const ms = await since(began, `${name} is bound`, bound);
  await fleet.cluster.kubectl(["delete", "deployment", name, "--cascade=foreground", "--grace-period=0", "--force"]);
  return ms;
}
