import { childName, SERVICE_LABEL } from "../../api/fleet.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { type Cluster, type ClusterOptions, startCluster } from "../support/cluster/cluster.ts";
import { type Controller, startController } from "../support/cluster/controller.ts";
import { type Mac, type MacOptions, startMac } from "../support/cluster/mac.ts";
import { type UntilOptions, untilTrue } from "../support/cluster/until.ts";
import { serveWeights, type WeightsServer } from "../support/cluster/weights-server.ts";
import { type Endpoint, endpointsOf, type Pod, podsOf } from "./seen.ts";

/** A whole fleet on this machine: a real control plane, our controller, and stand-in Macs with our agent. */
export interface Fleet {
  readonly cluster: Cluster;
  readonly controller: Controller;
  /** The small real weights. */
  readonly weights: WeightsServer;
  /** Path of the llama-server of all Macs. */
  readonly llamaServer: string;
  readonly macs: ReadonlyMap<string, Mac>;
  readonly mac: (name: string) => Mac;
  /** One more, of which the Node is there and Ready. */
  readonly addMac: (settings: MacSettings) => Promise<Mac>;
  readonly apply: (...objects: readonly object[]) => Promise<void>;
  /** Deletes InferenceServices and waits until nothing of them is left. */
  readonly remove: (...services: readonly string[]) => Promise<void>;
  /** Pods of an InferenceService, by name. */
  readonly pods: (service: string) => Promise<readonly Pod[]>;
  readonly untilPods: (
    service: string,
    what: string,
    holds: (pods: readonly Pod[]) => boolean,
    options?: UntilOptions,
  ) => Promise<readonly Pod[]>;
  /** Waits until so many replicas are ready, and no other pod of it is there; the nodes that they are on, sorted. */
  readonly untilReady: (service: string, replicas: number, options?: UntilOptions) => Promise<readonly string[]>;
  readonly endpoints: (service: string) => Promise<readonly Endpoint[]>;
  /** What an operator would look at after a failure: events, nodes, pods, and the ends of the logs. */
  readonly report: () => Promise<string>;
  readonly stop: () => Promise<void>;
}

export type MacSettings = Omit<MacOptions, "kubeconfig" | "llamaServer" | "number"> &
  Partial<Pick<MacOptions, "llamaServer">> & {
    /** Where its agent reaches the API server: a proxy; default: the API server itself. */
    readonly server?: string;
  };

export interface FleetOptions {
  readonly macs: readonly MacSettings[];
  /** Path of the llama-server of all Macs, which may be a stand-in; default: the real one. */
  readonly llamaServer?: string;
  readonly cluster?: ClusterOptions;
}

/** Downloading and starting the real model on a busy machine takes some ten seconds. */
const READY_MS = 90_000;

/** Ready when the Nodes of all Macs are. Give the hook that calls this a timeout of `CONTROL_PLANE_TIMEOUT_MS`. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const llamaServer = options.llamaServer ?? (await ensureTool("llama-server"));
  const weights = await serveWeights(await ensureTool("gemma3-270m"));
  const cluster = await startCluster({ ...options.cluster, crds: false });
  const macs = new Map<string, Mac>();
  await cluster.installFleet();
  const controller = await startController(cluster);
  let number = 1;
  const addMac = async ({ server, ...settings }: MacSettings) => {
    number += 1;
    const own = number;
    const kubeconfig = await cluster.asMac(settings.name, server === undefined ? {} : { server });
    // Here, unlike on most clusters, another authority signs the certificate of the API server than those of its clients.
    const flags = [`--client-ca-file=${cluster.clientCaFile}`, ...(settings.flags ?? [])];
    const mac = await startMac({ llamaServer, ...settings, flags, number: own, kubeconfig });
    macs.set(settings.name, mac);
    await nodeReady(cluster, mac);
    return mac;
  };
  const stop = async () => {
    await controller.end();
    await Promise.all([...macs.values()].map((mac) => mac.die()));
    await Promise.all([weights.stop(), cluster.stop()]);
  };
  const fleet = {
    cluster,
    controller,
    weights,
    llamaServer,
    macs,
    addMac,
    stop,
    ...actions(cluster, macs, controller),
  };
  try {
    await Promise.all(options.macs.map(addMac));
    return fleet;
  } catch (error) {
    const report = await fleet.report();
    await stop();
    throw new Error(`The fleet did not come up.\n${report}`, { cause: error });
  }
}

async function nodeReady(cluster: Cluster, mac: Mac): Promise<void> {
  const path = `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.spec.taints[*].key}`;
  const look = () => cluster.kubectl(["get", "node", mac.name, "-o", path]);
  // The taint of a new Node goes when Kubernetes has seen that it is Ready.
  const ready = (seen: string) => seen.startsWith("True ") && !seen.includes("not-ready");
  await untilTrue(`${mac.name} is a Ready node`, look, ready, { timeoutMs: READY_MS, signal: mac.agentEnded() });
}

function actions(cluster: Cluster, macs: ReadonlyMap<string, Mac>, controller: Controller) {
  const { kubectl } = cluster;
  const pods = (service: string) => podsOf(cluster, service);
  const untilPods: Fleet["untilPods"] = (service, what, holds, options) =>
    untilTrue(what, () => pods(service), holds, { timeoutMs: READY_MS, ...options });
  return {
    mac: (name: string) => {
      const mac = macs.get(name);
      if (mac === undefined) throw new Error(`there is no Mac named ${name}`);
      return mac;
    },
    apply: async (...objects: readonly object[]) => {
      await kubectl(["apply", "-f", "-"], { input: objects });
    },
    remove: async (...services: readonly string[]) => {
      await kubectl(["delete", "inferenceservice", ...services, "--ignore-not-found"]);
      for (const service of services)
        await untilPods(service, `no pod of ${service} is left`, (left) => left.length === 0);
    },
    pods,
    untilPods,
    untilReady: async (service: string, replicas: number, options?: UntilOptions) => {
      const what = `${service} has ${replicas} ready replicas and no other pod`;
      const found = await untilPods(
        service,
        what,
        (seen) => seen.length === replicas && seen.every(({ ready, deleting }) => ready && !deleting),
        options,
      );
      return found.map(({ node }) => node).sort();
    },
    endpoints: (service: string) => endpointsOf(cluster, service),
    report: () => report(cluster, macs, controller),
  };
}

async function report(cluster: Cluster, macs: ReadonlyMap<string, Mac>, controller: Controller): Promise<string> {
  const ask = (...args: readonly string[]) =>
    cluster.kubectl(["get", ...args, "--request-timeout=5s"]).catch((error: Error) => error.message);
  const parts = [
    await ask("nodes", "-o", "wide"),
    await ask("inferenceservices,deployments,pods", "-A", "-o", "wide", `-l${SERVICE_LABEL}`),
    await ask("models,inferenceservices", "-A", "-o", "yaml"),
    await ask("events", "-A", "--sort-by=.lastTimestamp"),
    await controller.lastLines(),
    ...(await Promise.all([...macs.values()].map((mac) => mac.lastLines()))),
  ];
  return parts.join("\n\n");
}

/** Selects what belongs to an InferenceService. */
export function selectorOf(service: string): string {
  return `${SERVICE_LABEL}=${childName(service)}`;
}

/** Prints what there is to see after each failed test. Call it in a `describe`. */
export function reportFailures(fleet: () => Fleet | undefined): void {
  afterEach(async function () {
    if (this.currentTest?.state === "failed") console.error(await fleet()?.report());
  });
}
