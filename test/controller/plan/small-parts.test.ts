import assert from "node:assert/strict";
import { GiB } from "../../../api/bytes.ts";
import { isMac, readMac } from "../../../controller/plan/mac.ts";
import { checkOwner, childNames } from "../../../controller/plan/owned.ts";
import { canonicalBytes } from "../../../controller/plan/quantity.ts";
import { service } from "./objects.ts";

describe("canonicalBytes", () => {
  const table: readonly (readonly [bytes: number, text: string])[] = [
    [0, "0"],
    [1, "1"],
    [999, "999"],
    [1000, "1k"],
    [1001, "1001"],
    [5_000_000_000, "5G"],
    [5_000_500_000, "5000500k"],
    [6 * GiB, "6442450944"],
    [10 ** 15, "1P"],
  ];
  for (const [bytes, text] of table) it(`${bytes} is ${text}`, () => assert.equal(canonicalBytes(bytes), text));
});

describe("checkOwner", () => {
  const chat = service();
  const owner = (more: object) => ({
    metadata: {
      name: "chat",
      ownerReferences: [
        {
          apiVersion: "inference.llmkube.dev/v1alpha1",
          kind: "InferenceService",
          name: "chat",
          uid: "uid-1",
          controller: true,
          ...more,
        },
      ],
    },
    kind: "Deployment",
  });

  it("passes what is not there, and what is its own", () => {
    assert.ok(checkOwner(chat, undefined).ok);
    assert.ok(checkOwner(chat, owner({})).ok);
  });

  const foreign: readonly (readonly [what: object, says: RegExp, kind: string])[] = [
    [
      { kind: "Service", metadata: { name: "chat" } },
      /needs the name chat for a Service of its own, but the one of that name was not made for it: rename one/,
      "invalid",
    ],
    [owner({ controller: false }), /was not made for it/, "invalid"],
    [owner({ uid: "uid-2", name: "chat.v2" }), /belongs to InferenceService chat\.v2: rename one of them/, "invalid"],
    [owner({ uid: "uid-2", kind: "App" }), /belongs to App chat/, "invalid"],
    [
      owner({ uid: "uid-0" }),
      /^the Deployment of an earlier InferenceService of this name is still being deleted/,
      "unreachable",
    ],
  ];
  for (const [existing, says, kind] of foreign) {
    it(`does not touch ${says.source}`, () => {
      const checked = checkOwner(chat, existing as Parameters<typeof checkOwner>[1]);
      assert.ok(!checked.ok);
      assert.match(checked.error, says);
      assert.equal(checked.kind, kind);
    });
  }
});

describe("childNames", () => {
  it("are names of 63 characters at most, and differ for long names that begin alike", () => {
    const long = "a".repeat(100);
    const [one, other] = [`${long}1`, `${long}2`].map((name) => childNames(service({}, { name })));
    for (const name of Object.values({ ...one })) assert.match(String(name), /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    assert.notEqual(one?.service, other?.service);
    assert.notEqual(one?.apiKeySecret, other?.apiKeySecret);
  });

  it("have dashes for dots, as LLMKube's Service has", () => {
    assert.equal(childNames(service({}, { name: "llama-3.1-8b" })).service, "llama-3-1-8b");
  });

  for (const name of ["1chat", "chat.v2", "0", `${"b".repeat(62)}.x`]) {
    it(`make a DNS label of ${name}, as a Service needs it`, () => {
      assert.match(childNames(service({}, { name })).service, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/);
    });
  }
});

describe("readMac", () => {
  const labels = {
    "kubernetes.io/os": "darwin",
    "llmkube.dev/memory-mib": "16384",
    "llmkube.dev/working-set-mib": "12124",
  };
  const node = (allocatable: object, more: object = {}) => ({
    metadata: { name: "mac-1", labels },
    status: { allocatable, conditions: [{ type: "Ready", status: "True" }] },
    ...more,
  });

  it("reads what the scheduler counts", () => {
    const taints = [{ key: "llmkube.dev/mac", value: "true", effect: "NoSchedule" }];
    const read = readMac(node({ memory: "11240734Ki", pods: "40" }, { spec: { taints, unschedulable: true } }));
    assert.deepEqual(read, {
      ok: true,
      value: {
        name: "mac-1",
        allocatableBytes: 11_240_734 * 1024,
        allocatablePods: 40,
        memoryMiB: 16_384,
        workingSetMiB: 12_124,
        labels,
        taints,
        unschedulable: true,
        isReady: true,
      },
    });
    assert.ok(isMac(node({})) && !isMac({ metadata: { name: "linux" } }));
  });

  for (const allocatable of [{}, { memory: "much" }, { memory: "-1Gi" }, { memory: "1e99" }]) {
    it(`counts nothing on one with ${JSON.stringify(allocatable)}`, () => {
      const read = readMac(node(allocatable));
      assert.ok(!read.ok);
      assert.match(read.error, /^Node mac-1 does not say how much memory is allocatable/);
    });
  }

  it("takes a label that is no number for none", () => {
    const read = readMac({
      ...node({ memory: "1Gi" }),
      metadata: { name: "m", labels: { "llmkube.dev/memory-mib": "16Gi" } },
    });
    assert.ok(read.ok && read.value.memoryMiB === undefined);
  });
});
