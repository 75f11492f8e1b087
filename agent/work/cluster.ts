import { isIPv4 } from "node:net";
import { hostname, networkInterfaces } from "node:os";
import { KUBELET_PORT } from "../../api/fleet.ts";
import type { Model } from "../../api/model.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { eventRecorder } from "../../kube/events/recorder.ts";
import { type KubeAccess, openKubeAccess } from "../../kube/open-client.ts";
import { namedAddress } from "../node/addresses.ts";
import { nodeName } from "../node/name.ts";
import { type MacNode, openNode } from "../node/node.ts";
import type { WeightsOnDisk } from "../node/weights.ts";
import { podStatuses } from "../pods/writer.ts";
import { keptPods } from "../sources/pods/kept.ts";
import { openPods, type PodSource } from "../sources/pods/pods.ts";
import { keptPodsPath, keysFolder } from "../state/layout.ts";
import { packageVersion } from "../state/package.ts";
import { filesOf } from "../workload/model-files.ts";
import { openClusterApi } from "./cluster-api.ts";
import type { OpenWork, WorkContext } from "./work.ts";

/** What a person says about the cluster. */
export interface ClusterFlags {
  /** Absolute path. */
  readonly kubeconfig: string;
  readonly nodeName?: string | undefined;
  readonly nodeIp?: string | undefined;
  /** Where the agent answers for logs and metrics; 0: any; undefined: `KUBELET_PORT`. */
  readonly kubeletPort?: number | undefined;
  /** PEM file of the authority of the cluster's client certificates; undefined: that of the kubeconfig. */
  readonly clientCaFile?: string | undefined;
  /** Loopback address of servers on a machine that only stands in for a Mac. */
  readonly standInMac?: string | undefined;
}

/** A cluster that this machine is a node of. Nobody has asked it anything yet. */
export interface Cluster extends ClusterFlags {
  readonly access: KubeAccess;
  readonly name: string;
}

/**
 * Reads who this machine is in which cluster. Fails with one sentence; a cluster that is away is no failure, but waited for.
 */
export async function joinCluster(flags: ClusterFlags): Promise<Result<Cluster>> {
  const { kubeconfig, standInMac, nodeIp } = flags;
  const access = await openKubeAccess({ kubeconfig, userAgent: `pulumi-llmkube-agent/${packageVersion()}` });
  if (!access.ok) return fail(access.error);
  const name = nodeName({ given: flags.nodeName, user: access.value.impersonates, hostname: hostname() });
  if (!name.ok) return name;
  if (standInMac !== undefined && !(isIPv4(standInMac) && standInMac.startsWith("127."))) {
    return fail(`--stand-in-mac ${standInMac} is no loopback address: give one such as 127.0.0.2`);
  }
  const address = standInMac === undefined && nodeIp !== undefined ? namedAddress(nodeIp, networkInterfaces()) : ok("");
  if (!address.ok) return address;
  if (standInMac === undefined && process.platform !== "darwin") return fail(NO_MAC);
  return ok({ ...flags, access: access.value, name: name.value });
}

const NO_MAC =
  "this machine is no Mac, and a cluster would give it the models of Macs: in tests and demos give --stand-in-mac 127.0.0.2";

/** Cluster mode: the pods that are bound to this node. */
export function clusterWork(cluster: Cluster): OpenWork {
  return async (context) => {
    const { access, name, kubeconfig, clientCaFile, kubeletPort: port = KUBELET_PORT, standInMac } = cluster;
    const client = access.client();
    const nodeIp = standInMac === undefined ? cluster.nodeIp : undefined;
    const pods = () => source.pods();
    let addressNow: () => string | undefined = () => undefined;
    const api = await openClusterApi(
      {
        ...{ client, kubeconfig, clientCaFile, nodeName: name, nodeIp, port, source: { pods } },
        address: () => addressNow(),
      },
      context,
    );
    const node = await nodeOf(cluster, client, context, { models: () => source.models(), kubeletPort: () => api.port });
    if (!node.ok) throw new Error(node.error);
    const { address, isInCharge, isUnheard } = node.value;
    addressNow = address;
    const addresses = addressesOf(cluster, address);
    const { options, running, changed, facts: host } = context;
    const source: PodSource = openPods({
      ...{ client, nodeName: name, running, changed, host, mayStart: isInCharge, nobodyKnown: isUnheard },
      ...{
        listenHost: addresses.listen,
        keysFolder: keysFolder(options.state),
        kept: keptPods(keptPodsPath(options.state), name),
      },
    });
    const events = eventRecorder({
      ...{ client, controller: "llmkube.dev/agent", instance: name },
      report: (message) => context.log.info(message),
    });
    const statuses = podStatuses({
      ...{ client, source, hostIp: addresses.told, mayRun: context.mayRun, mayWrite: isInCharge },
      record: ({ metadata: { name: pod, namespace, uid } }, event) =>
        events.record({ regarding: { apiVersion: "v1", kind: "Pod", name: pod, namespace, uid }, ...event }),
    });
    const recorder = { name: "the recorder of events", run: events.run };
    return {
      source,
      sinks: [statuses.sink, node.value.sink, api.sink],
      runnables: [statuses.runnable, recorder, ...node.value.runnables, ...api.runnables],
      notices: [
        api,
        { problems: statuses.problems, notes: () => [] },
        { problems: node.value.problems, notes: node.value.notes },
      ],
      watched: `the pods of the node ${name} at ${access.server}`,
      beforeEnd: () => statuses.beginEnd(UNREADY_MS),
    };
  };
}

/** How long the cluster may take to hear that servers are about to stop. */
const UNREADY_MS = 3000;

interface NodeParts {
  readonly models: () => readonly Model[] | undefined;
  readonly kubeletPort: () => number | undefined;
}

function nodeOf(
  { access, kubeconfig, name, nodeIp, standInMac }: Cluster,
  client: ReturnType<KubeAccess["client"]>,
  context: WorkContext,
  { models, kubeletPort }: NodeParts,
): Promise<Result<MacNode>> {
  const { options, host, log, stop, lost, trouble, changed } = context;
  const { workingSetBytes, hostMemoryBytes } = host.facts;
  return openNode({
    ...{ access, client, kubeconfig, name, nodeIp, stop, stateDirectory: options.state, modelsFolder: options.models },
    ...{
      platform: host.platform,
      memoryBytes: hostMemoryBytes,
      allocatableBytes: host.allocatable.bytes,
      workingSetBytes,
    },
    standIn: standInMac !== undefined,
    kubeletPort,
    serverBuild: context.serverBuild,
    weightsOnDisk: () => weightsOnDisk(models() ?? [], context),
    ...{ healthy: trouble, taken: lost, chargeChanged: changed, say: (message: string) => log.info(message) },
  });
}

/** Of each Model, its weights and projector where both are here. */
function weightsOnDisk(models: readonly Model[], { stored }: Pick<WorkContext, "stored">): readonly WeightsOnDisk[] {
  return models.flatMap((model) => {
    const { mmproj, ...weights } = filesOf(model, undefined);
    const found = [weights, ...(mmproj === undefined ? [] : [mmproj])].map((file) => stored(file, "look"));
    const paths = found.flatMap((one) => (one.state === "ready" ? [one.path] : []));
    const { source, sha256 } = model.spec;
    return paths.length === found.length ? [{ weights: { source, sha256, mmproj: model.spec.mmproj }, paths }] : [];
  });
}

/** Where servers listen, and what the status of a pod says; undefined without a network. */
function addressesOf({ standInMac, nodeIp }: Cluster, address: () => string | undefined) {
  if (standInMac === undefined) return { listen: address, told: address };
  const told = nodeIp ?? `10.99.0.${standInMac.split(".")[3]}`;
  return { listen: () => standInMac, told: () => told };
}
