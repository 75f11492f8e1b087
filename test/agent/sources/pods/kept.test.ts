import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type KeptPod, keptPods, lookupWith, nextKept } from "../../../../agent/sources/pods/kept.ts";
import { parsePod } from "../../../../agent/sources/pods/pod.ts";
import { parseManifest } from "../../../../api/parse.ts";
import { model, service } from "../../../support/cluster/objects.ts";
import { temporaryDirectory } from "../../../support/workspace.ts";

const UNHEARD = { is: "unheard" } as const;

function keptPod(name: string): KeptPod {
  const pod = parsePod({
    metadata: { name, namespace: "default", uid: `uid-${name}`, annotations: { huge: "x".repeat(1 << 20) } },
    spec: { nodeName: "mac-1", containers: [{ name: "llama-server" }] },
    status: { phase: "Running" },
  });
  const [parsedService, parsedModel] = [
    parseManifest(service({ name, contextSize: 512 })),
    parseManifest(model({ name, source: "/m.gguf", budget: "1Gi" })),
  ];
  assert(pod.ok && parsedService.ok && parsedService.value.kind === "InferenceService");
  assert(parsedModel.ok && parsedModel.value.kind === "Model");
  return { pod: pod.value, service: parsedService.value, model: parsedModel.value, draft: undefined };
}

describe("the pods that an agent keeps for an outage", () => {
  let path: string;
  beforeEach(async () => {
    path = join(await temporaryDirectory(), "pods.json");
  });
  const names = (kept: readonly KeptPod[]) => kept.map(({ pod }) => pod.metadata.name);

  it("are those of the next agent of that node, in a small file that only this user reads", async () => {
    keptPods(path, "mac-1").keep([keptPod("a"), keptPod("b")]);
    const next = keptPods(path, "mac-1");
    assert.deepEqual(names(next.all()), ["a", "b"]);
    assert.equal(next.all()[0]?.model.spec.hardware?.memoryBudget, "1Gi");
    const { mode, size } = await stat(path);
    assert.deepEqual([mode & 0o777, size < 65_536], [0o600, true]);
    assert.deepEqual(names(keptPods(path, "mac-2").all()), []);
  });

  const damages = {
    "that is half written": (text: string) => text.slice(0, text.length / 2),
    "of another version": (text: string) => text.replace('"version":1', '"version":2'),
    "that is no JSON": () => "\0",
    "that is huge": (text: string) => text + " ".repeat(17 << 20),
  };
  for (const [what, damage] of Object.entries(damages)) {
    it(`are none in a file ${what}, and it is written anew`, async () => {
      keptPods(path, "mac-1").keep([keptPod("a")]);
      await writeFile(path, damage(await readFile(path, "utf8")));
      const kept = keptPods(path, "mac-1");
      assert.deepEqual(kept.all(), []);
      kept.keep([keptPod("c")]);
      assert.deepEqual(names(keptPods(path, "mac-1").all()), ["c"]);
    });
  }

  it("are all but the one whose entry is damaged", async () => {
    keptPods(path, "mac-1").keep([keptPod("a"), keptPod("b")]);
    await writeFile(path, (await readFile(path, "utf8")).replace('"uid":"uid-a"', '"uid":7'));
    assert.deepEqual(names(keptPods(path, "mac-1").all()), ["b"]);
  });

  it("are told to a person where they cannot be written, until they can", async () => {
    const folder = join(path, "nowhere");
    const kept = keptPods(join(folder, "pods.json"), "mac-1");
    kept.keep([keptPod("a")]);
    assert.match(kept.problems()[0] ?? "", /cannot be kept/);
    await mkdir(folder, { recursive: true });
    kept.keep([keptPod("a")]);
    assert.deepEqual([kept.problems(), names(kept.all())], [[], ["a"]]);
  });

  it("stay as they were accepted while their settings roll out, and go when nobody wants them", () => {
    const [a, b] = [keptPod("a"), keptPod("b")];
    const kept = nextKept(
      [a],
      [
        { pod: a.pod, accepted: "undecided" },
        { pod: b.pod, accepted: b },
      ],
    );
    assert.deepEqual(names(kept), ["a", "b"]);
    assert.deepEqual(names(nextKept([a, b], [{ pod: b.pod, accepted: "undecided" }])), ["b"]);
  });

  it("stand in for an object only while the API server has not told about it", () => {
    const live = { service: () => ({ is: "absent" }) as const, model: () => UNHEARD };
    const lookup = lookupWith(live, [keptPod("a")]);
    assert.equal(lookup.service("default/a").is, "absent");
    assert.equal(lookup.model("default/a").is, "known");
    assert.equal(lookup.model("default/b").is, "unheard");
  });
});
