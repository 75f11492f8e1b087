import { NODE_LABELS } from "../../api/fleet.ts";
import { type Fleet, startFleet } from "../../test/fleet/fleet.ts";
import { complete } from "../../test/fleet/seen.ts";
import type { Mac } from "../../test/support/cluster/mac.ts";
import { model, service } from "../../test/support/cluster/objects.ts";
import { untilTrue } from "../../test/support/cluster/until.ts";
import { heading, quote, say, withHeartbeat } from "../demo/screen.ts";

/** Two thirds of it are for models, of which the small one takes some 630 MiB. */
const MAC_MEMORY = "2Gi";
const PROMPT = "The capital of France is";
const FAILOVER_MS = 300_000;
const HEARTBEAT_MS = 15_000;

/** The steps in order. Whatever they started is stopped at the end, also after a failure or an abort. */
export async function runSteps(signal: AbortSignal): Promise<void> {
  heading(1, `Three Macs of ${MAC_MEMORY} join a new cluster:`);
  const macs = ["mac-1", "mac-2", "mac-3"].map((name) => ({ name, hostMemory: MAC_MEMORY }));
  const fleet = await waiting("starting Kubernetes and three agents", startFleet({ macs }));
  const stopped = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(new Error("it was stopped")));
  });
  try {
    signal.throwIfAborted();
    await Promise.race([shown(fleet), stopped]);
  } finally {
    await fleet.stop();
  }
}

async function shown(fleet: Fleet): Promise<void> {
  await show(fleet, "get", "nodes", "-L", NODE_LABELS.memoryMiB);
  await placed(fleet);
  await refused(fleet);
  await failedOver(fleet);
  await ended(fleet);
}

async function placed(fleet: Fleet): Promise<void> {
  heading(2, "A model with two replicas. The scheduler of Kubernetes finds two Macs; nobody names one:");
  await fleet.apply(
    model({ name: "gemma", source: fleet.weights.url("gemma"), budget: "768Mi" }),
    service({ name: "gemma", replicas: 2 }),
  );
  const nodes = await waiting("the Macs download the weights and start llama-server", fleet.untilReady("gemma", 2));
  require(new Set(nodes).size === 2, "the replicas should be on two Macs");
  await untilTrue(
    "the InferenceService says so too",
    () => fleet.cluster.kubectl(["get", "inferenceservice", "gemma", "-o", "jsonpath={.status.phase}"]),
    (phase) => phase === "Ready",
  );
  await show(fleet, "get", "pods", "-o", "wide");
  await show(fleet, "get", "inferenceservice", "gemma");
  await answered(fleet);
}

async function refused(fleet: Fleet): Promise<void> {
  heading(
    3,
    "The same model with a budget of 256Mi. It is refused before anything is scheduled, and the status says why:",
  );
  await fleet.apply(
    model({ name: "tight", source: fleet.weights.url("gemma"), budget: "256Mi" }),
    service({ name: "tight" }),
  );
  const message = await untilTrue(
    "the status says why",
    () => fleet.cluster.kubectl(["get", "inferenceservice", "tight", "-o", "jsonpath={.status.schedulingMessage}"]),
    (text) => text !== "",
  );
  await show(fleet, "get", "inferenceservice", "tight");
  quote(message);
  require((await fleet.pods("tight")).length === 0, "there should be no pod");
}

async function failedOver(fleet: Fleet): Promise<void> {
  const [pod] = await fleet.pods("gemma");
  require(pod !== undefined, "there should be a pod");
  const dead = fleet.mac(pod.node);
  heading(4, `${dead.name} loses its power: agent and server are killed, and nothing says goodbye.`);
  await dead.die();
  const unready = untilTrue(
    "its endpoint is not ready",
    () => fleet.endpoints("gemma"),
    (seen) => seen.every(({ node, ready }) => node !== dead.name || !ready),
    { timeoutMs: FAILOVER_MS },
  );
  await waiting("its Lease runs out", unready);
  say("No client is sent to it any more. The other replica answers:");
  await answered(fleet);
  const moved = untilTrue(
    "two replicas are ready on the two other Macs",
    () => fleet.pods("gemma"),
    (pods) => pods.filter(({ ready }) => ready).length === 2,
    { timeoutMs: FAILOVER_MS },
  );
  await waiting("a Mac that only restarts has a minute to come back; then Kubernetes moves the replica", moved);
  await show(fleet, "get", "pods", "-o", "wide");
}

async function ended(fleet: Fleet): Promise<void> {
  const alive = [...fleet.macs.values()].filter((mac) => mac.agentPid() !== undefined);
  heading(5, "The log of a replica by kubectl. Then the InferenceServices are deleted, and nothing is left of them:");
  const pod = (await fleet.pods("gemma")).find(({ ready }) => ready);
  require(pod !== undefined, "there should be a ready pod");
  await show(fleet, "logs", pod.name, "--tail=3");
  await fleet.cluster.kubectl(["delete", "inferenceservice", "gemma", "tight"]);
  const none = untilTrue(
    "no server is left",
    () => serversOf(alive),
    (pids) => pids.length === 0,
  );
  await waiting("the Macs end their servers", none);
  await show(
    fleet,
    "get",
    "inferenceservices,deployments,services",
    "-l",
    "app.kubernetes.io/managed-by=pulumi-llmkube",
  );
}

async function serversOf(macs: readonly Mac[]): Promise<readonly number[]> {
  return (await Promise.all(macs.map((mac) => mac.servers()))).flat();
}

async function answered(fleet: Fleet): Promise<void> {
  const answer = untilTrue(
    "a client gets an answer",
    () => complete(fleet.cluster, "gemma", PROMPT),
    (text) => text !== "",
  );
  quote(`${PROMPT}${await answer}`);
}

async function waiting<T>(what: string, work: Promise<T>): Promise<T> {
  return withHeartbeat(what, work, HEARTBEAT_MS);
}

async function show(fleet: Fleet, ...args: readonly string[]): Promise<void> {
  say(`$ kubectl ${args.join(" ")}`);
  quote((await fleet.cluster.kubectl(args)) || "No resources found");
}

function require(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}
