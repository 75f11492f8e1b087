import assert from "node:assert/strict";
import type { KubeClient, KubeObject } from "../../kube/client.ts";
import { systemClock } from "../../kube/clock.ts";
import { eventRecorder } from "../../kube/events/recorder.ts";
import { KINDS } from "../../kube/kinds.ts";
import { leaderElection } from "../../kube/lease/leader-election.ts";
import { openKubeAccess } from "../../kube/open-client.ts";
import { reflector, wholeObject } from "../../kube/reflector/reflector.ts";
import { CONTROL_PLANE_TIMEOUT_MS, type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { eventually, value } from "./support/results.ts";

describe("kube: client and reflector on a real API server", () => {
  let plane: ControlPlane;
  const ended = new AbortController();
  /** What ends with the last test. */
  const endings: (Promise<void> | KubeClient)[] = [];

  before(async function () {
    this.timeout(CONTROL_PLANE_TIMEOUT_MS);
    plane = await startControlPlane();
  });

  after(async () => {
    ended.abort();
    await plane?.stop();
  });

  it("creates, reads, applies, patches, lists and deletes", async () => {
    const access = value(await openKubeAccess({ kubeconfig: plane.kubeconfigPath }));
    const client = access.client();
    const ref = { namespace: "default", name: "settings" };
    const created = value(await client.create(KINDS.configMap, { metadata: ref, data: { a: "1" } }));
    assert.equal(created.metadata.name, "settings");
    const again = await client.create(KINDS.configMap, { metadata: ref });
    assert.equal(again.ok ? "created" : again.reason, "AlreadyExists");
    const wanted = { apiVersion: "v1", kind: "ConfigMap", metadata: ref, data: { b: "2" } };
    const applied = value(await client.apply(KINDS.configMap, wanted, { fieldManager: "test" }));
    assert.deepEqual(applied["data"], { a: "1", b: "2" });
    const patched = value(await client.patch(KINDS.configMap, ref, { data: { a: null } }, { type: "merge" }));
    assert.deepEqual(patched["data"], { b: "2" });
    const list = value(await client.list(KINDS.configMap, { namespace: "default", limit: 1 }));
    assert.equal(list.items[0]?.kind, "ConfigMap");
    const { uid } = created.metadata;
    assert(uid !== undefined);
    value(await client.delete(KINDS.configMap, ref, { uid }));
    const missing = await client.get(KINDS.configMap, ref);
    assert(!missing.ok);
    assert.equal(missing.kind, "not-found");
    const vanished = { ...wanted, metadata: { ...ref, uid } };
    const recreated = await client.apply(KINDS.configMap, vanished, { fieldManager: "test" });
    assert.equal(recreated.ok ? "applied" : recreated.kind, "conflict");
    await client.close();
  });

  it("makes, renews and gives back a Lease that the server takes", async () => {
    const access = value(await openKubeAccess({ kubeconfig: plane.kubeconfigPath }));
    const client = access.client();
    const stopping = new AbortController();
    const lease = { namespace: "default", name: "leader" };
    const timing = { durationMs: 3000, renewDeadlineMs: 2000, retryMs: 200 };
    const election = (identity: string) => leaderElection({ client, lease, identity, ...timing });
    const terms: string[] = [];
    const lead = (identity: string) => async (leading: AbortSignal) => {
      terms.push(identity);
      const { promise, resolve } = Promise.withResolvers<void>();
      leading.addEventListener("abort", () => resolve());
      await promise;
    };
    const [first, second] = [election("a"), election("b")];
    const firstRun = first.run(lead("a"), stopping.signal);
    await eventually(() => assert.equal(first.isLeader(), true));
    const secondRun = second.run(lead("b"), ended.signal);
    const transitions: unknown[] = [];
    for (let i = 0; i < 2; i += 1) {
      const found = value(await client.get(KINDS.lease, lease));
      transitions.push(found["spec"]);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    assert.notDeepEqual(transitions[0], transitions[1], "it is renewed");
    assert.deepEqual(terms, ["a"]);
    stopping.abort();
    await firstRun;
    await eventually(() => assert.deepEqual(terms, ["a", "b"]));
    endings.push(secondRun, client);
  });

  it("writes events and their series as the server takes them", async () => {
    const client = value(await openKubeAccess({ kubeconfig: plane.kubeconfigPath })).client();
    const clock = {
      ...systemClock,
      timer: (callback: () => void, ms: number) => systemClock.timer(callback, ms / 100),
    };
    const said: string[] = [];
    const recorder = eventRecorder({
      client,
      clock,
      controller: "llmkube.dev/test",
      instance: "test-1",
      report: (message) => said.push(message),
    });
    const run = recorder.run(ended.signal);
    const regarding = { apiVersion: "v1", kind: "Pod", namespace: "default", name: "llama", uid: "u" };
    const note = { regarding, type: "Warning", reason: "OverBudget", action: "Start", note: "é".repeat(2000) } as const;
    recorder.record(note);
    recorder.record(note);
    recorder.record({ ...note, regarding: { apiVersion: "v1", kind: "Node", name: "mac-1" } });
    let written: readonly KubeObject[] = [];
    await untilTrue(async () => {
      written = value(await client.list(KINDS.event, { namespace: "default" })).items;
      return written.some((event) => (event["series"] as { count?: number } | undefined)?.count === 2);
    });
    assert.deepEqual(said, []);
    assert.equal(written.filter(({ reason }) => reason === "OverBudget").length, 2);
    endings.push(run, client);
  });

  it("follows what happens", async () => {
    const access = value(await openKubeAccess({ kubeconfig: plane.kubeconfigPath }));
    const client = access.client();
    const changes: string[] = [];
    const configMaps = reflector({
      client,
      kind: KINDS.configMap,
      selection: { namespace: "default", labelSelector: "seen=yes" },
      parse: wholeObject,
      changed: ({ key, type }) => changes.push(`${type} ${key}`),
    });
    const running = configMaps.run(ended.signal);
    assert(await configMaps.whenSynced(AbortSignal.timeout(10_000)));
    const metadata = { namespace: "default", name: "one", labels: { seen: "yes" } };
    value(await client.create(KINDS.configMap, { metadata }));
    value(await client.patch(KINDS.configMap, metadata, { data: { a: "1" } }, { type: "merge" }));
    await eventually(() => assert.deepEqual(changes, ["added default/one", "updated default/one"]));
    assert.deepEqual(configMaps.get("default/one")?.["data"], { a: "1" });
    value(await client.delete(KINDS.configMap, metadata));
    await eventually(() => assert.deepEqual(changes.slice(2), ["deleted default/one"]));
    ended.abort();
    await running;
    await client.close();
    for (const ending of endings) await ("close" in ending ? ending.close() : ending);
  });
});

async function untilTrue(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 15_000;
  while (!(await condition())) {
    assert(performance.now() < end, "it did not come true");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
