import assert from "node:assert/strict";
import { desiredWorkloads } from "../../../agent/sources/directory/join.ts";
import { NOTHING_READ, type Snapshot } from "../../../agent/sources/directory/snapshot.ts";
import { keyOf } from "../../../agent/workload/manifest.ts";
import type { HostFacts } from "../../../agent/workload/workload.ts";
import { type WorkloadId, workloadId } from "../../../agent/workload/workload-id.ts";
import { parseManifest } from "../../../api/parse.ts";
import { modelManifest, serviceManifest } from "../../support/manifests.ts";
import { options } from "../samples.ts";

const host: HostFacts = { backend: "cpu", hostMemoryBytes: 16 * 2 ** 30, options };
const chat = workloadId("default/chat");
const zzz = workloadId("default/zzz");

function snapshotOf(documents: readonly object[], rest: Partial<Snapshot> = {}): Snapshot {
  const manifests = documents.map((document) => {
    const manifest = parseManifest(document);
    assert(manifest.ok, manifest.ok ? "" : manifest.error);
    return [keyOf(manifest.value), manifest.value] as const;
  });
  return { ...NOTHING_READ, synced: true, manifests: new Map(manifests), ...rest };
}

function desired(
  documents: readonly object[],
  running: readonly (readonly [WorkloadId, number])[] = [],
  rest: Partial<Snapshot> = {},
) {
  return desiredWorkloads(snapshotOf(documents, rest), host, new Map(running));
}

const unreadable = (kind: "Model" | "InferenceService", name: string) => ({
  unreadable: new Map([
    [
      `${kind} default/${name}`,
      { identity: { kind, namespace: "default", name }, problem: `x.yaml: ${kind} is faulty` },
    ],
  ]),
});

describe("the workloads of a directory", () => {
  it("are its InferenceServices with their Models, by namespace and name", () => {
    const found = desired([modelManifest(), serviceManifest()]);
    assert.deepEqual([...found.keys()], [chat]);
    const workload = found.get(chat);
    assert(workload?.kind === "run");
    const { id, name, source, fields, gracePeriodMs, returnsAfterEviction } = workload.workload;
    assert.deepEqual(
      { id, name, source, host: fields.host, gracePeriodMs, returnsAfterEviction },
      {
        id: chat,
        name: "default/chat",
        source: "/models/llama.gguf",
        host: "127.0.0.1",
        gracePeriodMs: 10_000,
        returnsAfterEviction: true,
      },
    );
  });

  it("take a Model of their own namespace only (LLMKube trap T9)", () => {
    const elsewhere = { ...modelManifest(), metadata: { name: "llama", namespace: "other" } };
    assert.equal(desired([elsewhere, serviceManifest()]).get(chat)?.kind, "refused");
  });

  it("give a port to the first by name, and never take it from a server that runs (LLMKube#232)", () => {
    const manifests = [{ ...serviceManifest(), metadata: { name: "zzz" } }, modelManifest(), serviceManifest()];
    const all = desired(manifests);
    assert.equal(all.get(chat)?.kind, "run");
    const later = all.get(zzz);
    assert(later?.kind === "refused");
    assert.match(later.message, /^port 8080 belongs to default\/chat/);
    const taken = desired(manifests, [[zzz, 8080]]);
    assert.deepEqual([taken.get(zzz)?.kind, taken.get(chat)?.kind], ["run", "refused"]);
  });

  it("leave both servers alone when one asks for the port of the other", () => {
    const moved = { ...serviceManifest(), metadata: { name: "zzz" } };
    for (const [mine, other] of [
      [chat, zzz],
      [zzz, chat],
    ] as const) {
      const both = desired(
        [modelManifest(), serviceManifest(), moved],
        [
          [mine, 8081],
          [other, 8080],
        ],
      );
      const asking = both.get(mine);
      assert(asking?.kind === "unknown", `${mine} is ${asking?.kind}`);
      assert.match(
        asking.message,
        /^port 8080 belongs to default\/\w+: give default\/\w+ another spec\.endpoint\.port$/,
      );
      assert.equal(both.get(other)?.kind, "run");
    }
  });

  it("leave a server on its port whose manifest asks for that of another server", () => {
    const manifests = [{ ...serviceManifest(), metadata: { name: "zzz" } }, modelManifest(), serviceManifest()];
    // chat ran on 8081 until its manifest moved to the port on which zzz runs.
    const both = desired(manifests, [
      [chat, 8081],
      [zzz, 8080],
    ]);
    assert.equal(both.get(zzz)?.kind, "run");
    const moved = both.get(chat);
    assert(moved?.kind === "unknown");
    assert.match(moved.message, /^port 8080 belongs to default\/zzz: give default\/chat another/);
    // One that does not run has no claim; one that runs elsewhere gets a port that nobody runs on.
    const free = desired(manifests, [[zzz, 8081]]);
    assert.deepEqual([free.get(zzz)?.kind, free.get(chat)?.kind], ["run", "refused"]);
  });

  describe("of an agent with a gateway on port 8080", () => {
    const other = (spec: object = {}) => ({ ...serviceManifest(spec), metadata: { name: "zzz" } });
    const behind = (documents: readonly object[], running: readonly (readonly [WorkloadId, number])[] = []) => {
      const wanted = desiredWorkloads(snapshotOf([modelManifest(), ...documents]), host, new Map(running), 8080);
      return [chat, zzz].map((id) => {
        const one = wanted.get(id);
        return one?.kind === "run" ? one.workload.fields.port : one !== undefined && "message" in one && one.message;
      });
    };

    it("have ports of their own where they name none", () => {
      const [first, second] = behind([serviceManifest(), other()]);
      for (const port of [first, second]) assert.ok(Number(port) >= 20_000 && Number(port) <= 29_999, String(port));
      assert.notEqual(first, second);
      assert.deepEqual(behind([other(), serviceManifest()]), [first, second]);
    });

    it("keep a port that they name, or run on", () => {
      const named = serviceManifest({ endpoint: { port: 9000 } });
      assert.deepEqual(behind([named, other()], [[zzz, 8081]]), [9000, 8081]);
    });

    it("are refused the port of the gateway, which a spec.endpoint without a port names too", () => {
      const [first] = behind([serviceManifest({ endpoint: {} }), other()]);
      assert.equal(first, "port 8080 belongs to the gateway: give default/chat another spec.endpoint.port");
    });

    it("leave the port of the gateway, which only a server from before it can run on", () => {
      const [moved] = behind([serviceManifest()], [[chat, 8080]]);
      assert.ok(Number(moved) >= 20_000, String(moved));
    });
  });

  it("wait for a Model that is not there", () => {
    const waiting = desired([serviceManifest()]).get(chat);
    assert(waiting?.kind === "refused");
    assert.deepEqual([waiting.state, waiting.reason], ["Pending", "ModelNotFound"]);
  });

  const unknown: ReadonlyArray<readonly [about: string, rest: Partial<Snapshot>, message: RegExp]> = [
    [
      "their Model cannot be read",
      unreadable("Model", "llama"),
      /^modelRef names Model default\/llama, whose manifest cannot be read$/,
    ],
    [
      "something cannot be told, which may be their Model",
      { synced: false },
      /^modelRef names Model default\/llama, whose manifest/,
    ],
  ];
  for (const [about, rest, message] of unknown) {
    it(`are unknown, not refused, while ${about}`, () => {
      const found = desired([serviceManifest()], [], rest).get(chat);
      assert(found?.kind === "unknown");
      assert.match(found.message, message);
    });
  }

  it("are unknown where they cannot be read and never were", () => {
    const found = desired([modelManifest()], [], unreadable("InferenceService", "chat"));
    assert.deepEqual(
      [...found],
      [[chat, { kind: "unknown", name: "default/chat", message: "x.yaml: InferenceService is faulty" }]],
    );
  });

  it("do not include what is faulty but no InferenceService", () => {
    assert.deepEqual([...desired([], [], unreadable("Model", "llama"))], []);
  });
});
