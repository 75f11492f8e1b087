import assert from "node:assert/strict";
import { CONTROLLER_PORT, MANAGED_BY, nodeUser, SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { CONTROLLER, controllerManifests, type ManifestObject, nodeManifests } from "../../cluster/index.ts";
import { LEADER_LEASE } from "../../controller/lease.ts";

function one(objects: readonly ManifestObject[], kind: string, name: string): ManifestObject {
  const [found, ...more] = objects.filter((object) => object.kind === kind && object.metadata.name === name);
  assert.ok(found !== undefined && more.length === 0, `${kind} ${name}`);
  return found;
}

describe("the manifests of the controller", () => {
  const objects = controllerManifests({ image: "registry.example/llmkube:1" });

  it("has each object once, and none that claims to be the controller's work", () => {
    const keys = objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    assert.equal(new Set(keys).size, keys.length);
    const claimed = objects.filter(({ metadata }) => metadata.labels?.["app.kubernetes.io/managed-by"] === MANAGED_BY);
    assert.deepEqual(claimed, []);
  });

  it("comes in an order that can be created: namespace and definitions first, the Deployment last", () => {
    assert.deepEqual(
      [objects[0], objects[1], objects.at(-1)].map((object) => object?.kind),
      ["Namespace", "CustomResourceDefinition", "Deployment"],
    );
  });

  it("lets nobody read a Secret, and the controller write none that exists", () => {
    const roles = objects.filter(({ kind }) => kind === "ClusterRole" || kind === "Role");
    const ofSecrets = roles.flatMap((role) =>
      (role["rules"] as { resources: string[]; verbs: string[] }[]).filter(({ resources }) =>
        resources.some((resource) => resource === "secrets" || resource === "*"),
      ),
    );
    assert.deepEqual(ofSecrets, [{ apiGroups: [""], resources: ["secrets"], verbs: ["create"] }]);
  });

  it("gives the Lease that the controller elects its leader by", () => {
    const role = one(objects, "Role", CONTROLLER);
    assert.deepEqual(LEADER_LEASE, { namespace: role.metadata.namespace, name: CONTROLLER });
    assert.match(JSON.stringify(role["rules"]), new RegExp(`"resourceNames":\\["${LEADER_LEASE.name}"\\]`));
  });

  it("has no Deployment without an image, and no definitions where they are not wanted", () => {
    const kinds = new Set(controllerManifests({ crds: false }).map(({ kind }) => kind));
    assert.ok(!kinds.has("Deployment") && !kinds.has("CustomResourceDefinition"));
  });

  it("is in the namespace that is asked for, also where policies name the controller", () => {
    const text = JSON.stringify(controllerManifests({ image: "i", namespace: "models" }));
    assert.ok(text.includes(`system:serviceaccount:models:${CONTROLLER}`));
    assert.ok(!text.includes(`:${SYSTEM_NAMESPACE}:`) && !text.includes(`"namespace":"${SYSTEM_NAMESPACE}"`));
  });

  it("asks the port that the container listens on", () => {
    const text = JSON.stringify(one(objects, "Deployment", CONTROLLER));
    assert.ok(text.includes(`"containerPort":${CONTROLLER_PORT}`) && text.includes(`0.0.0.0:${CONTROLLER_PORT}`));
  });
});

describe("the manifests of a Mac", () => {
  it("names its user, its group and its account, and no other", () => {
    const objects = nodeManifests({ nodeName: "mac-1" });
    const rules = objects.flatMap((object) => (object["rules"] as object[] | undefined) ?? []);
    assert.deepEqual(rules, [
      { apiGroups: [""], resources: ["users"], verbs: ["impersonate"], resourceNames: [nodeUser("mac-1")] },
      { apiGroups: [""], resources: ["groups"], verbs: ["impersonate"], resourceNames: ["system:nodes"] },
      { apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"], resourceNames: ["mac-mac-1"] },
    ]);
  });
});
