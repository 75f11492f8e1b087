import assert from "node:assert/strict";
import * as fc from "fast-check";
import { parse } from "yaml";
import {
  dashedKey,
  identify,
  manifestPath,
  manifestYaml,
  resourceId,
  underscoredKey,
  unrenderable,
} from "../../toolchain/standins/kubernetes/manifest.ts";
import { clusterScopedByDefinition, isNamespaced } from "../../toolchain/standins/kubernetes/scope.ts";
import { OUTPUT, SECRET, SIGNATURE, UNKNOWN } from "../../toolchain/standins/values.ts";

describe("manifest files of the kubernetes stand-in", () => {
  it("are named as the official provider names them", () => {
    const cases = [
      [
        {
          apiVersion: "apiextensions.k8s.io/v1",
          kind: "CustomResourceDefinition",
          name: "models.inference.llmkube.dev",
        },
        "0-crd/apiextensions.k8s.io_v1-customresourcedefinition-default-models.inference.llmkube.dev.yaml",
      ],
      [
        { apiVersion: "inference.llmkube.dev/v1alpha1", kind: "Model", name: "gemma", namespace: "default" },
        "1-manifest/inference.llmkube.dev_v1alpha1-model-default-gemma.yaml",
      ],
      [{ apiVersion: "v1", kind: "ConfigMap", name: "a.b", namespace: "llm" }, "1-manifest/v1-configmap-llm-a.b.yaml"],
      [
        { apiVersion: "rbac.authorization.k8s.io/v1", kind: "ClusterRole", name: "system:agent" },
        "1-manifest/rbac.authorization.k8s.io_v1-clusterrole-default-system:agent.yaml",
      ],
    ] as const;
    for (const [identity, path] of cases) assert.equal(manifestPath(identity), path);
  });

  it("belong to an ID with the namespace, where there is one", () => {
    assert.equal(resourceId({ apiVersion: "v1", kind: "Namespace", name: "llm" }), "llm");
    assert.equal(resourceId({ apiVersion: "v1", kind: "Pod", name: "a", namespace: "llm" }), "llm/a");
  });

  it("are refused for what is no object or would leave the directory", () => {
    const object = { apiVersion: "v1", kind: "ConfigMap", name: "a" };
    assert.equal(unrenderable(object), undefined);
    assert.equal(unrenderable({ ...object, apiVersion: "apps/v1", namespace: "b" }), undefined);
    assert.match(unrenderable({ ...object, kind: "" }) ?? "", /no apiVersion and kind/);
    assert.match(unrenderable({ ...object, name: "" }) ?? "", /metadata\.name is empty/);
    for (const wrong of [{ name: "../a" }, { namespace: "a/b" }, { kind: "A/B" }, { name: "a\0" }]) {
      assert.match(unrenderable({ ...object, ...wrong }) ?? "", /contains a slash/, JSON.stringify(wrong));
    }
  });

  it("hold sorted keys, unindented lists, and quoted what another YAML version would read differently", () => {
    const inputs = {
      kind: "ConfigMap",
      apiVersion: "v1",
      data: {
        number: "1",
        flag: "yes",
        octal: "0o7",
        sexagesimal: "1:30",
        empty: "",
        long: `${"word ".repeat(40)}end`,
      },
      list: [{ b: 1, a: [true, 1.5] }],
      gone: null,
    };
    assert.equal(
      manifestYaml(inputs),
      [
        "apiVersion: v1",
        "data:",
        '  empty: ""',
        '  flag: "yes"',
        `  long: ${"word ".repeat(40)}end`,
        '  number: "1"',
        '  octal: "0o7"',
        '  sexagesimal: "1:30"',
        "kind: ConfigMap",
        "list:",
        "- a:",
        "  - true",
        "  - 1.5",
        "  b: 1",
        "",
      ].join("\n"),
    );
  });

  it("hold the plain values of secrets and outputs", () => {
    const secret = { [SIGNATURE]: SECRET, value: { token: "t" } };
    const output = { [SIGNATURE]: OUTPUT, value: 3, secret: true, dependencies: [] };
    assert.equal(manifestYaml({ data: secret, replicas: output }), "data:\n  token: t\nreplicas: 3\n");
  });

  it("read back as what was rendered, in YAML 1.1 as in 1.2", () => {
    const key = fc.string({ minLength: 1 }).filter((text) => text !== "__proto__" && text !== SIGNATURE);
    const { value } = fc.letrec<{ value: string | number | boolean | unknown[] | Record<string, unknown> }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constantFrom(
          "yes",
          "no",
          "on",
          "0x1f",
          "1e3",
          "1_000",
          "~",
          "null",
          "12:30:45",
          "2026-11-23",
          "<<",
          "=",
          ".5",
        ),
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 3 }),
      ),
    }));
    // biome-ignore lint/nursery/noFloatingPromises: the property is synchronous, so fc.assert returns nothing.
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 4 }), (inputs) => {
        const text = manifestYaml(JSON.parse(JSON.stringify(inputs)));
        for (const version of ["1.1", "1.2"] as const) {
          assert.equal(JSON.stringify(sorted(parse(text, { version }))), JSON.stringify(sorted(inputs)));
        }
      }),
    );
  });
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

describe("spelling of schema extensions", () => {
  it("has dashes for Kubernetes and underscores for the SDKs, and touches nothing else", () => {
    const keys = ["embedded_resource", "int_or_string", "list_map_keys", "list_type", "map_type", "validations"];
    for (const key of [...keys, "preserve_unknown_fields"]) {
      const [underscored, dashed] = [`x_kubernetes_${key}`, `x-kubernetes-${key.replaceAll("_", "-")}`];
      assert.equal(dashedKey(underscored), dashed);
      assert.equal(underscoredKey(dashed), underscored);
    }
    for (const key of ["x_kubernetes_group_version_kind", "snake_case", "spec"]) assert.equal(dashedKey(key), key);
  });
});

describe("identity of inputs", () => {
  it("is empty where a part is missing or not known yet", () => {
    assert.deepEqual(identify({}), { apiVersion: "", kind: "", name: "" });
    const metadata = { name: UNKNOWN, namespace: "llm" };
    assert.deepEqual(identify({ apiVersion: "v1", kind: "Pod", metadata }), {
      apiVersion: "v1",
      kind: "Pod",
      name: "",
      namespace: "llm",
    });
  });
});

describe("scope of kinds", () => {
  const definition = (scope: string) => ({
    kind: "CustomResourceDefinition",
    spec: { group: "example.org", scope, names: { kind: "Wide" } },
  });

  it("is known for built-in kinds and for what a definition says; everything else is namespaced", () => {
    const none = new Set<string>();
    assert.equal(isNamespaced("v1", "Namespace", none), false);
    assert.equal(isNamespaced("core/v1", "Node", none), false);
    assert.equal(isNamespaced("rbac.authorization.k8s.io/v1", "ClusterRole", none), false);
    assert.equal(isNamespaced("rbac.authorization.k8s.io/v1", "Role", none), true);
    assert.equal(isNamespaced("example.org/v1", "Namespace", none), true);
    assert.equal(isNamespaced("example.org/v1", "Wide", new Set(["example.org/Wide"])), false);
    assert.equal(clusterScopedByDefinition(definition("Cluster")), "example.org/Wide");
    assert.equal(clusterScopedByDefinition(definition("Namespaced")), undefined);
    assert.equal(clusterScopedByDefinition({ kind: "ConfigMap" }), undefined);
  });
});
