import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import * as fc from "fast-check";
import { changesBetween, deletesBeforeReplace, pathText } from "../../toolchain/standins/kubernetes/diff.ts";
import type { Properties } from "../../toolchain/standins/values.ts";

const object = (kind: string, metadata: Properties, rest: Properties = {}, apiVersion = "v1"): Properties => ({
  apiVersion,
  kind,
  metadata,
  ...rest,
});

function summary(before: Properties, after: Properties): string[] {
  const changes = changesBetween(before, after);
  return changes.map(({ path, kind, replaces }) => `${kind} ${pathText(path)}${replaces ? ", replace" : ""}`).sort();
}

describe("diff of the kubernetes stand-in", () => {
  it("lists every changed leaf and what forces a replacement", () => {
    const model = (spec: Properties) => object("Model", { name: "a" }, { spec }, "inference.llmkube.dev/v1alpha1");
    const cases: [Properties, Properties, string[]][] = [
      [model({ a: 1 }), model({ a: 1 }), []],
      [model({ a: 1 }), model({ a: 2, b: {} }), ["add spec.b", "update spec.a"]],
      [model({ a: [1, 2] }), model({ a: [1] }), ["delete spec.a[1]"]],
      [model({ a: [{ b: 1 }] }), model({ a: [{ b: 2 }, 3] }), ["add spec.a[1]", "update spec.a[0].b"]],
      [model({ a: {} }), model({ a: "text" }), ["update spec.a"]],
      [model({ data: 1 }), model({ data: 2 }), ["update spec.data"]],
      [object("Pod", { name: "a" }), object("Pod", { name: "b" }), ["update metadata.name, replace"]],
      [
        object("Pod", { name: "a", namespace: "x" }),
        object("Pod", { name: "a" }),
        ["delete metadata.namespace, replace"],
      ],
      [
        object("ConfigMap", { name: "a" }, { data: { "a.b": "1" } }),
        object("ConfigMap", { name: "a", labels: { c: "d" } }, { data: { "a.b": "2" } }),
        ["add metadata.labels", 'update data["a.b"], replace'],
      ],
      [
        object("Deployment", { name: "a" }, { spec: { selector: { a: 1 }, replicas: 1 } }, "apps/v1"),
        object("Deployment", { name: "a" }, { spec: { selector: { a: 2 }, replicas: 2 } }, "apps/v1"),
        ["update spec.replicas", "update spec.selector.a, replace"],
      ],
    ];
    for (const [before, after, expected] of cases) assert.deepEqual(summary(before, after), expected);
  });

  it("is empty exactly for equal inputs", () => {
    const inputs = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3, noUnicodeString: true }));
    const plain = inputs.map((value): Properties => JSON.parse(JSON.stringify(value)));
    // biome-ignore lint/nursery/noFloatingPromises: the property is synchronous, so fc.assert returns nothing.
    fc.assert(
      fc.property(plain, plain, (before, after) => {
        assert.equal(changesBetween(before, after).length === 0, isDeepStrictEqual(before, after));
        assert.deepEqual(changesBetween(before, structuredClone(before)), []);
      }),
    );
  });

  it("deletes first only where the successor has the same given name", () => {
    const autonamed = { name: "a", annotations: { "pulumi.com/autonamed": "true" } };
    const cases: [Properties, Properties, boolean][] = [
      [{ name: "a" }, { name: "a" }, true],
      [{ name: "a" }, { name: "b" }, false],
      [{ name: "a", namespace: "x" }, { name: "a", namespace: "y" }, false],
      [autonamed, autonamed, false],
    ];
    for (const [before, after, expected] of cases) {
      assert.equal(deletesBeforeReplace(object("ConfigMap", before), object("ConfigMap", after)), expected);
    }
  });
});
