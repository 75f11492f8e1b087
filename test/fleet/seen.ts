import * as z from "zod";
import { API_KEY, API_KEY_VARIABLE, childName, MEMORY_CONDITION, SERVICE_LABEL } from "../../api/fleet.ts";
import { parseMemory } from "../../api/fleet-memory.ts";
import type { Cluster } from "../support/cluster/cluster.ts";

/** What `kubectl` shows of a replica. */
export interface Pod {
  readonly name: string;
  readonly uid: string;
  /** Empty where it is not scheduled. */
  readonly node: string;
  readonly phase: string;
  readonly ready: boolean;
  readonly deleting: boolean;
  readonly ip: string;
  readonly restarts: number;
  /** Reason of the pod, or of its container that waits or has ended. */
  readonly reason: string;
  /** Of the pod, or why it is not scheduled. */
  readonly message: string;
  readonly port: number;
}

const text = z.string().default("");
const stateShape = z.object({ reason: text, message: text }).optional();
const podShape = z.object({
  metadata: z.object({ name: z.string(), uid: z.string(), deletionTimestamp: z.string().optional() }),
  spec: z.object({
    nodeName: text,
    containers: z.array(z.object({ ports: z.array(z.object({ containerPort: z.number() })).default([]) })),
  }),
  status: z.object({
    phase: text,
    podIP: text,
    reason: text,
    message: text,
    conditions: z.array(z.object({ type: z.string(), status: z.string(), reason: text, message: text })).default([]),
    containerStatuses: z
      .array(
        z.object({
          restartCount: z.number(),
          state: z.object({ waiting: stateShape, terminated: stateShape }).default({}),
        }),
      )
      .default([]),
  }),
});

export async function podsOf(cluster: Cluster, service: string): Promise<readonly Pod[]> {
  const list = z
    .object({ items: z.array(podShape) })
    .parse(await cluster.read("pods", "-A", "-l", `${SERVICE_LABEL}=${childName(service)}`));
  return list.items.map(podOf);
}

function podOf({ metadata, spec, status }: z.output<typeof podShape>): Pod {
  const condition = (type: string) => status.conditions.find((one) => one.type === type);
  const container = status.containerStatuses[0];
  const state = container?.state.waiting ?? container?.state.terminated;
  const scheduled = condition("PodScheduled");
  return {
    name: metadata.name,
    uid: metadata.uid,
    node: spec.nodeName,
    phase: status.phase,
    ready: condition("Ready")?.status === "True",
    deleting: metadata.deletionTimestamp !== undefined,
    ip: status.podIP,
    restarts: container?.restartCount ?? 0,
    reason: status.reason || (state?.reason ?? (scheduled?.status === "False" ? scheduled.reason : "")),
    message: status.message || (state?.message ?? (scheduled?.status === "False" ? scheduled.message : "")),
    port: spec.containers[0]?.ports[0]?.containerPort ?? 0,
  };
}

/** A replica as clients find it, in an EndpointSlice. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  readonly node: string;
}

const slicesShape = z.object({
  items: z.array(
    z.object({
      ports: z.array(z.object({ name: text, port: z.number() })).nullish(),
      endpoints: z
        .array(
          z.object({
            addresses: z.array(z.string()),
            nodeName: text,
            conditions: z.object({ ready: z.boolean().default(false) }).default({ ready: false }),
          }),
        )
        .nullish(),
    }),
  ),
});

export async function endpointsOf(cluster: Cluster, service: string): Promise<readonly Endpoint[]> {
  const { items } = slicesShape.parse(
    await cluster.read("endpointslices", "-l", `kubernetes.io/service-name=${childName(service)}`),
  );
  return items.flatMap(({ ports, endpoints }) =>
    (endpoints ?? []).map(({ addresses, nodeName, conditions }) => ({
      address: addresses[0] ?? "",
      port: ports?.[0]?.port ?? 0,
      ready: conditions.ready,
      node: nodeName,
    })),
  );
}

/** Where a stand-in Mac really listens: EndpointSlices refuse loopback addresses, so its pods have other ones. */
export function reachable({ address, port }: Pick<Endpoint, "address" | "port">): string {
  return `http://${address.replace(/^10\.99\.0\./, "127.0.0.")}:${port}`;
}

/** What a client gets that asks one ready endpoint, with the key of the service. */
export async function complete(cluster: Cluster, service: string, prompt: string): Promise<string> {
  const endpoint = (await endpointsOf(cluster, service)).find(({ ready }) => ready);
  if (endpoint === undefined) throw new Error(`${service} has no ready endpoint`);
  return completionAt(reachable(endpoint), await keyOf(cluster, service), prompt);
}

/** @throws Error where there is no completion */
export async function completionAt(url: string, key: string, prompt: string): Promise<string> {
  const response = await askCompletion(url, key, prompt);
  const answer = z
    .object({ choices: z.tuple([z.object({ text: z.string() })]) })
    .safeParse(await response.json().catch(() => undefined));
  if (!answer.success) throw new Error(`${url} answered ${response.status} without a completion`);
  return answer.data.choices[0].text;
}

/** HTTP status of the answer. @param key empty for a client that has none */
export async function statusOfCompletion(url: string, key: string): Promise<number> {
  const response = await askCompletion(url, key, "Hello");
  await response.arrayBuffer();
  return response.status;
}

async function askCompletion(url: string, key: string, prompt: string): Promise<Response> {
  return fetch(`${url}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(key !== "" && { authorization: `Bearer ${key}` }) },
    body: JSON.stringify({ prompt, max_tokens: 8, temperature: 0 }),
    signal: AbortSignal.timeout(30_000),
  });
}

/** The first key of the Secret that the pods of a service refer to. */
export async function keyOf(cluster: Cluster, service: string): Promise<string> {
  const variable = `.spec.containers[0].env[?(@.name=="${API_KEY_VARIABLE}")].valueFrom.secretKeyRef.name`;
  const [secret = ""] = (
    await cluster.kubectl([
      "get",
      "pods",
      `-l${SERVICE_LABEL}=${childName(service)}`,
      "-o",
      `jsonpath={range .items[*]}{${variable}}{"\\n"}{end}`,
    ])
  ).split("\n");
  const data = await cluster.kubectl(["get", "secret", secret, "-o", `jsonpath={.data.${API_KEY}}`]);
  const [key = ""] = Buffer.from(data, "base64").toString("utf8").trim().split("\n");
  return key;
}

const memoryShape = z.object({
  items: z.array(
    z.object({
      spec: z.object({ nodeName: text }),
      status: z.object({ conditions: z.array(z.object({ type: z.string(), message: text })).default([]) }),
    }),
  ),
});

/** The budget in MiB that each Mac says it holds its replica to. */
export async function budgetsOf(cluster: Cluster, service: string): Promise<Readonly<Record<string, number>>> {
  const { items } = memoryShape.parse(await cluster.read("pods", "-l", `${SERVICE_LABEL}=${childName(service)}`));
  const entries = items.flatMap(({ spec, status }) => {
    const numbers = parseMemory(status.conditions.find(({ type }) => type === MEMORY_CONDITION)?.message ?? "");
    return numbers === undefined ? [] : [[spec.nodeName, Math.round(numbers.budgetBytes / 2 ** 20)] as const];
  });
  return Object.fromEntries(entries);
}
