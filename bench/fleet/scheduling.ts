import { setTimeout as sleep } from "node:timers/promises";
import { MiB } from "../../api/bytes.ts";
import { CONTAINER_NAME, MAC_OS_LABEL_VALUE, MAC_TAINT, NODE_LABELS, PORT_NAME } from "../../api/fleet.ts";
import type { KubeClient, KubeObject } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { openKubeClient } from "../../kube/open-client.ts";
import { startCluster } from "../../test/support/cluster/cluster.ts";
import { createAll, listAll, writeStatus } from "./bulk.ts";
import { namespaceOf, namespaces, nodeStatus, nodes } from "./objects.ts";

export interface Scheduling {
  readonly macs: number;
  readonly pods: number;
  readonly ours: Throughput;
  /** Pods with the same request and nothing else. */
  readonly plain: Throughput;
}

export interface Throughput {
  readonly bound: number;
  readonly podsASecond: number;
}

const LOOK_MS = 250;
const LONGEST_MS = 300_000;
const MEMORY = 800 * MiB;

/** Pods of our shape through the real scheduler, and plain ones beside them in a second run on the same Nodes. */
export async function scheduling(macs: number, pods: number): Promise<Scheduling> {
  // The Nodes have no Lease: the lifecycle controller would take them for dead.
  const cluster = await startCluster({
    nodeGraceSeconds: 3600,
    arguments: {
      apiServer: ["--max-requests-inflight=3000", "--max-mutating-requests-inflight=1000"],
      scheduler: ["--kube-api-qps=5000", "--kube-api-burst=10000"],
    },
  });
  try {
    const opened = await openKubeClient({ kubeconfig: cluster.kubeconfigPath, timeoutMs: 120_000 });
    if (!opened.ok) throw new Error(opened.error);
    const admin = opened.value;
    await createAll(admin, KINDS.namespace, namespaces());
    const macObjects = nodes(macs);
    await createAll(admin, KINDS.node, macObjects);
    await writeStatus(
      admin,
      KINDS.node,
      macObjects.map(({ metadata }) => metadata),
      nodeStatus,
    );
    await accountsAreThere(admin);
    const ours = await throughput(admin, podsOf("ours", pods));
    const plain = await throughput(admin, podsOf("plain", pods));
    return { macs, pods, ours, plain };
  } finally {
    await cluster.stop();
  }
}

async function accountsAreThere(admin: KubeClient): Promise<void> {
  for (const { metadata } of namespaces()) {
    while (!(await admin.get(KINDS.serviceAccount, { namespace: metadata.name, name: "default" })).ok) await sleep(100);
  }
}

async function throughput(admin: KubeClient, objects: readonly KubeObject[]): Promise<Throughput> {
  const shape = String(objects[0]?.metadata.labels?.["shape"]);
  const started = performance.now();
  await createAll(admin, KINDS.pod, objects);
  let bound = 0;
  while (bound < objects.length && performance.now() - started < LONGEST_MS) {
    await sleep(LOOK_MS);
    const pods = await listAll(admin, KINDS.pod, `shape=${shape}`);
    bound = pods.filter(({ spec }) => typeof spec === "object" && spec !== null && "nodeName" in spec).length;
  }
  const seconds = (performance.now() - started) / 1000;
  return { bound, podsASecond: bound / seconds };
}

function podsOf(shape: "ours" | "plain", count: number): readonly KubeObject[] {
  return Array.from({ length: count }, (_, index) => ({
    metadata: { namespace: namespaceOf(index), name: `${shape}-${index}`, labels: { shape, service: `s-${index}` } },
    spec: shape === "ours" ? ourSpec(index) : plainSpec(),
  }));
}

const tolerations = [{ key: MAC_TAINT.key, operator: "Exists", effect: MAC_TAINT.effect }];
const resources = { requests: { memory: String(MEMORY) } };

function plainSpec(): object {
  return { tolerations, containers: [{ name: CONTAINER_NAME, image: "plain:1", resources }] };
}

/** As serving/pod-demands.ts makes it. */
function ourSpec(index: number): object {
  const port = 12_000 + (index % 18_000);
  return {
    hostNetwork: true,
    automountServiceAccountToken: false,
    nodeSelector: { [NODE_LABELS.os]: MAC_OS_LABEL_VALUE },
    tolerations,
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: NODE_LABELS.memoryMiB, operator: "Gt", values: ["12000"] }] },
          ],
        },
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: NODE_LABELS.hostname,
        whenUnsatisfiable: "ScheduleAnyway",
        labelSelector: { matchLabels: { service: `s-${index}` } },
      },
    ],
    containers: [
      {
        name: CONTAINER_NAME,
        image: "weights.llmkube.dev/bench:held",
        imagePullPolicy: "Never",
        ports: [{ name: PORT_NAME, containerPort: port, hostPort: port }],
        resources,
      },
    ],
  };
}
