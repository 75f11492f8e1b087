import assert from "node:assert/strict";
import { parseManifest } from "../../api/parse.ts";
import { modelManifest, serviceManifest } from "../support/manifests.ts";

function errorOf(document: unknown): string {
  const parsed = parseManifest(document);
  assert.ok(!parsed.ok, "was accepted");
  return parsed.error;
}

describe("parseManifest is not harmed by", () => {
  it("a document that contains itself", () => {
    const cycle: Record<string, unknown> = {};
    cycle["again"] = cycle;
    assert.equal(
      errorOf(modelManifest({ hardware: cycle })),
      "Model default/llama: it must be nested at most 64 levels deep",
    );
  });

  it("aliases that repeat each other", () => {
    let bomb: unknown = "x";
    for (let level = 0; level < 30; level++) bomb = [bomb, bomb];
    assert.match(errorOf(serviceManifest({ env: bomb })), /it must have at most 100000 values, aliases counted$/);
  });

  it("a key that would replace a prototype", () => {
    const document = serviceManifest({ affinity: JSON.parse('{"__proto__": {"a": 1}}') });
    assert.equal(errorOf(document), 'InferenceService default/chat: it must have no field "__proto__"');
  });

  it("values of megabytes, which it neither repeats nor scans for long", () => {
    const long = "a-".repeat(2 ** 20);
    for (const document of [
      modelManifest({ source: `/${long}` }),
      modelManifest({ sha256: long }),
      modelManifest({ [long]: 1 }),
      { ...modelManifest(), metadata: { name: long } },
      { ...modelManifest(), kind: long },
      serviceManifest({ slo: { objective: "1".repeat(2 ** 20) } }),
    ]) {
      assert.ok(errorOf(document).length < 700, errorOf(document).slice(0, 100));
    }
  });
});
