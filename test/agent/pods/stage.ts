import assert from "node:assert/strict";
import * as z from "zod";
import {
  API_KEY,
  API_KEY_VARIABLE,
  CONTAINER_NAME,
  POD_ANNOTATIONS,
  PORT_NAME,
  weightsImage,
} from "../../../api/fleet.ts";
import { parseManifest } from "../../../api/parse.ts";
import { settingsHash } from "../../../serving/settings-hash.ts";
import type { Cluster } from "../../support/cluster/cluster.ts";
import { model, service } from "../../support/cluster/objects.ts";
import { untilTrue } from "../../support/cluster/until.ts";

const podSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), uid: z.string(), resourceVersion: z.string() }),
  spec: z.looseObject({}),
  status: z.looseObject({
    phase: z.string().optional(),
    reason: z.string().optional(),
    message: z.string().optional(),
    hostIP: z.string().optional(),
    podIP: z.string().optional(),
    conditions: z
      .array(
        z.looseObject({
          type: z.string(),
          status: z.string(),
          reason: z.string().optional(),
          message: z.string().optional(),
        }),
      )
      .default([]),
    containerStatuses: z
      .array(
        z.looseObject({
          ready: z.boolean(),
          restartCount: z.int(),
          containerID: z.string().optional(),
          state: z.looseObject({
            waiting: z.looseObject({ reason: z.string(), message: z.string().optional() }).optional(),
            running: z.looseObject({}).optional(),
            terminated: z.looseObject({ reason: z.string() }).optional(),
          }),
          lastState: z.looseObject({
            terminated: z.looseObject({ reason: z.string(), message: z.string().optional() }).optional(),
          }),
        }),
      )
      .default([]),
  }),
});
export type SeenPod = z.output<typeof podSchema>;

/** A model that a test wants served, and what its controller would have made for it. */
export interface Wanted {
  readonly name: string;
  readonly node: string;
  readonly port: number;
  readonly source: string;
  readonly budget?: string;
  readonly uid: string;
  /** Digest of the settings that its pods are made for. */
  readonly settings: string;
}

/** Plays the controller and the scheduler: objects as they make them, by hand. */
export function stageOf(cluster: Cluster) {
  const { kubectl } = cluster;
  const apply = (...objects: readonly object[]) => kubectl(["apply", "--server-side", "-f", "-"], { input: objects });
  const manifests = ({
    name,
    source,
    budget = "512Mi",
    spec = {},
  }: Pick<Wanted, "name" | "source" | "budget"> & { readonly spec?: object }) =>
    [model({ name, source, budget }), service({ name, contextSize: 512, spec })] as const;
  return {
    apply,
    manifests,
    want: async (wanted: Omit<Wanted, "uid" | "settings">): Promise<Wanted> => {
      const objects = manifests(wanted);
      await apply(...objects, {
        ...{ apiVersion: "v1", kind: "Secret", metadata: { name: `${wanted.name}-api-key` } },
        stringData: { [API_KEY]: "key-of-before\n" },
      });
      const uid = await kubectl(["get", "inferenceservice", wanted.name, "-o", "jsonpath={.metadata.uid}"]);
      return { ...wanted, uid, settings: hashOf(objects) };
    },
    /** A pod that is bound at once. @param changes parts of it that are otherwise */
    bind: async (wanted: Wanted, name: string, changes: PodChanges = {}): Promise<void> => {
      await kubectl(["create", "-f", "-"], { input: [podOf(wanted, name, changes)] });
    },
    seen: async (name: string): Promise<SeenPod | undefined> => {
      const text = await kubectl(["get", "pod", name, "-o", "json", "--ignore-not-found"]);
      return text === "" ? undefined : podSchema.parse(JSON.parse(text));
    },
    until: (name: string, what: string, holds: (pod: SeenPod | undefined) => boolean, timeoutMs = 30_000) =>
      untilTrue(
        what,
        async () => {
          const text = await kubectl(["get", "pod", name, "-o", "json", "--ignore-not-found"]);
          return text === "" ? undefined : podSchema.parse(JSON.parse(text));
        },
        holds,
        { timeoutMs },
      ),
    events: async (name: string): Promise<readonly string[]> => {
      const listed = z
        .object({
          items: z.array(
            z.looseObject({
              reason: z.string(),
              note: z.string().optional(),
              regarding: z.looseObject({ name: z.string() }),
            }),
          ),
        })
        .parse(await cluster.read("events.events.k8s.io"));
      return listed.items.flatMap(({ reason, regarding }) => (regarding.name === name ? [reason] : []));
    },
  };
}

export function isReady(pod: SeenPod | undefined): boolean {
  return conditionOf(pod, "Ready")?.status === "True";
}

export function conditionOf(pod: SeenPod | undefined, wanted: string) {
  return pod?.status.conditions.find(({ type }) => type === wanted);
}

/** The pid that the status names. */
export function pidOf(pod: SeenPod | undefined): number {
  return Number(/^llama-server:\/\/(\d+)/.exec(pod?.status.containerStatuses[0]?.containerID ?? "")?.[1]);
}

function hashOf([model, service]: readonly object[]): string {
  const [parsedModel, parsedService] = [parseManifest(model), parseManifest(service)];
  assert(parsedModel.ok && parsedModel.value.kind === "Model");
  assert(parsedService.ok && parsedService.value.kind === "InferenceService");
  return settingsHash(parsedService.value, parsedModel.value);
}

export interface PodChanges {
  readonly metadata?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: object;
  readonly container?: object;
}

/** As the controller makes it. */
function podOf(wanted: Wanted, name: string, { metadata, annotations, spec, container }: PodChanges): object {
  const owner = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: `${wanted.name}-1`,
    uid: wanted.uid,
    controller: true,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      annotations: {
        [POD_ANNOTATIONS.service]: wanted.name,
        [POD_ANNOTATIONS.serviceUid]: wanted.uid,
        [POD_ANNOTATIONS.settings]: wanted.settings,
        ...annotations,
      },
      ownerReferences: [owner],
      ...metadata,
    },
    spec: {
      ...{ nodeName: wanted.node, hostNetwork: true, automountServiceAccountToken: false, enableServiceLinks: false },
      terminationGracePeriodSeconds: 30,
      tolerations: [{ operator: "Exists" }],
      containers: [
        {
          ...{ name: CONTAINER_NAME, image: weightsImage({ source: wanted.source }), imagePullPolicy: "Never" },
          ports: [{ name: PORT_NAME, containerPort: wanted.port, hostPort: wanted.port }],
          resources: { requests: { memory: "400Mi" } },
          env: [
            { name: API_KEY_VARIABLE, valueFrom: { secretKeyRef: { name: `${wanted.name}-api-key`, key: API_KEY } } },
          ],
          ...container,
        },
      ],
      ...spec,
    },
  };
}
