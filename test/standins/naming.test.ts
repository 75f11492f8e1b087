import assert from "node:assert/strict";
import {
  assignName,
  assignNamespace,
  type NameRequest,
  uniqueName,
} from "../../toolchain/standins/kubernetes/naming.ts";
import { SECRET, SIGNATURE, UNKNOWN } from "../../toolchain/standins/values.ts";

const request: NameRequest = { resourceName: "gemma", randomSeed: new Uint8Array([1, 2, 3]) };
const AUTONAMED = { "pulumi.com/autonamed": "true" };

describe("names given by the kubernetes stand-in", () => {
  it("are the resource's with eight digits out of the engine's seed", () => {
    const name = uniqueName("gemma", request.randomSeed);
    assert.match(name, /^gemma-[0-9a-f]{8}$/);
    assert.equal(uniqueName("gemma", request.randomSeed), name);
    assert.notEqual(uniqueName("gemma", new Uint8Array([1, 2, 4])), name);
    assert.notEqual(uniqueName("gemma", new Uint8Array()), uniqueName("gemma", new Uint8Array()));
    assert.deepEqual(assignName({}, undefined, request), { metadata: { name, annotations: AUTONAMED } });
  });

  it("leave given, secret and not yet known names alone", () => {
    const secret = { [SIGNATURE]: SECRET, value: "a" };
    for (const metadata of [{ name: "a" }, { name: UNKNOWN }, { name: secret }, UNKNOWN]) {
      assert.deepEqual(assignName({ metadata }, undefined, request), { metadata });
    }
  });

  it("stay what they were, if they had been generated", () => {
    const olds = { metadata: { name: "gemma-old", annotations: AUTONAMED } };
    assert.deepEqual(assignName({ metadata: { labels: {} } }, olds, request), {
      metadata: { labels: {}, name: "gemma-old", annotations: AUTONAMED },
    });
    const given = assignName({}, { metadata: { name: "given" } }, request);
    assert.deepEqual(given, assignName({}, undefined, request));
  });

  it("follow the project's autonaming", () => {
    const proposed = { ...request, autonaming: { mode: "propose", proposedName: "dev-gemma" } } as const;
    assert.deepEqual(assignName({}, undefined, proposed), { metadata: { name: "dev-gemma", annotations: AUTONAMED } });
    const disabled = { ...request, autonaming: { mode: "disable", proposedName: "" } } as const;
    assert.throws(() => assignName({}, undefined, disabled), /"gemma" needs metadata\.name: autonaming is disabled/);
    assert.deepEqual(assignName({ metadata: { name: "a" } }, undefined, disabled), { metadata: { name: "a" } });
  });

  it("and namespaces go inside secret metadata, which stays secret", () => {
    const inputs = { metadata: { [SIGNATURE]: SECRET, value: { name: "a" } } };
    assert.deepEqual(assignNamespace(inputs, "llm"), {
      metadata: { [SIGNATURE]: SECRET, value: { name: "a", namespace: "llm" } },
    });
    assert.deepEqual(assignNamespace({ metadata: { namespace: UNKNOWN } }, "llm"), {
      metadata: { namespace: UNKNOWN },
    });
  });
});
