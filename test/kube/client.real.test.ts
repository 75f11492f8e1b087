import assert from "node:assert/strict";
import { KINDS } from "../../kube/kinds.ts";
import { openKubeAccess } from "../../kube/open-client.ts";
import { reflector, wholeObject } from "../../kube/reflector/reflector.ts";
import { CONTROL_PLANE_TIMEOUT_MS, type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { eventually, value } from "./support/results.ts";

describe("kube: client and reflector on a real API server", () => {
  let plane: ControlPlane;
  const ended = new AbortController();

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
  });
});
