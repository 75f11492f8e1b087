import assert from "node:assert/strict";
import { MISSED_MS } from "../../../agent/sources/directory/scan.ts";
import type { Snapshot } from "../../../agent/sources/directory/snapshot.ts";
import { CHAT, keys, LLAMA, manifestFolder } from "./manifest-folder.ts";

const MODEL = `apiVersion: inference.llmkube.dev/v1alpha1
kind: Model
metadata:
  name: llama
spec:
  source: /models/llama.gguf
`;
const SERVICE = `apiVersion: inference.llmkube.dev/v1alpha1
kind: InferenceService
metadata:
  name: chat
spec:
  modelRef: llama
  parallelSlots: 2
  contextSize: 16384
`;
const FILE = `# The chat model of the office.\n---\n${MODEL}---\n${SERVICE}`;

const specs = ({ manifests }: Snapshot) => [...manifests.values()].map(({ spec }) => spec);

describe("a manifest that is saved again", () => {
  const { write, scan, look, sooner } = manifestFolder();
  let good: Snapshot;

  beforeEach(async () => {
    await write("a.yaml", FILE);
    good = await scan();
    assert.deepEqual(keys(good), [CHAT, LLAMA]);
  });

  const swapped = (text: string) => Buffer.from(text, "utf16le").swap16();
  const encodings: ReadonlyArray<readonly [about: string, bytes: (text: string) => Uint8Array]> = [
    ["UTF-8 with a mark", (text) => Buffer.from(`\ufeff${text}`)],
    ["UTF-16LE with a mark", (text) => Buffer.from(`\ufeff${text}`, "utf16le")],
    ["UTF-16BE with a mark", (text) => swapped(`\ufeff${text}`)],
    ["UTF-16LE without a mark", (text) => Buffer.from(text, "utf16le")],
    ["UTF-16BE without a mark", (text) => swapped(text)],
    ["UTF-16LE and lines of Windows", (text) => Buffer.from(`\ufeff${text.replaceAll("\n", "\r\n")}`, "utf16le")],
  ];
  for (const [about, bytes] of encodings) {
    it(`is read in ${about}`, async () => {
      await write("a.yaml", bytes(`${FILE.replace("16384", "8192")}# \u00e4\u{1f600}\n`));
      const { manifests, problems, synced } = await scan();
      const chat = manifests.get(CHAT);
      assert(chat?.kind === "InferenceService");
      assert.deepEqual([chat.spec.contextSize, problems, synced], [8192, [], true]);
    });
  }

  it("keeps what was in force while any first part of it is all there is", async function () {
    this.timeout(20_000);
    for (let length = 0; length < FILE.length; length += 1) {
      await write("a.yaml", FILE.slice(0, length));
      sooner(MISSED_MS);
      const { snapshot } = await look();
      assert.deepEqual(snapshot.manifests, good.manifests, JSON.stringify(FILE.slice(0, length)));
      await write("a.yaml", FILE);
      assert.deepEqual(keys(await scan()), [CHAT, LLAMA]);
    }
  });

  it("takes a shorter version, or one without an end of line, once it has stood for a while", async () => {
    for (const next of [FILE.replace("16384", "8192"), `${FILE}  priority: low`.replace("\n  parallelSlots: 2", "")]) {
      await write("a.yaml", next);
      sooner(MISSED_MS);
      const first = await look();
      assert.deepEqual([specs(first.snapshot), first.doubtful], [specs(good), true]);
      const second = await look();
      assert.notDeepEqual(specs(second.snapshot), specs(good));
      assert.equal(second.doubtful, false);
      await write("a.yaml", FILE);
      await scan();
    }
  });

  it("takes a longer version at once", async () => {
    await write("a.yaml", FILE.replace("16384", "16384\n  priority: low"));
    const { snapshot, doubtful } = await look();
    assert.notDeepEqual(specs(snapshot), specs(good));
    assert.equal(doubtful, false);
  });

  const misspelt: ReadonlyArray<readonly [about: string, change: (text: string) => string]> = [
    ["a group of another ending", (text) => text.replaceAll("llmkube.dev", "llmkube.io")],
    ["another group", (text) => text.replaceAll("inference.llmkube.dev", "llmkube.dev")],
    ["no group", (text) => text.replaceAll("inference.llmkube.dev/v1alpha1", "v1")],
    [
      "a group and a kind",
      (text) => text.replaceAll("llmkube", "llmcube").replace("Model", "Modle").replace("Serv", "Srev"),
    ],
    ["a kind in lower case", (text) => text.replace("Model", "model").replace("InferenceService", "inferenceservice")],
    ["apiversion", (text) => text.replaceAll("apiVersion", "apiversion")],
    ["Kind", (text) => text.replaceAll("kind:", "Kind:")],
    ["no kind", (text) => text.replaceAll("kind:", "# kind:")],
    ["no apiVersion", (text) => text.replaceAll("apiVersion", "# apiVersion")],
  ];
  for (const [about, change] of misspelt) {
    it(`keeps the last good version, and says so, with ${about} misspelt`, async () => {
      await write("a.yaml", change(FILE));
      const { manifests, problems } = await scan();
      assert.deepEqual(manifests, good.manifests);
      assert.equal(problems.length, 2, problems.join("\n"));
      for (const problem of problems) assert.match(problem, /^a\.yaml: .*; its last good version stays in force$/);
      await write("a.yaml", change(`${FILE}# Saved again.\n`));
      assert.deepEqual((await scan()).manifests, good.manifests);
      await write("a.yaml", FILE);
      assert.deepEqual((await scan()).problems, []);
    });
  }

  it("lets go of an object beside one of the same name of another API, which stood there before", async () => {
    const other = SERVICE.replace("inference.llmkube.dev/v1alpha1", "serving.kserve.io/v1beta1");
    await write("a.yaml", `${FILE}---\n${other}`);
    assert.deepEqual([keys(await scan()), (await scan()).problems], [[CHAT, LLAMA], []]);
    await write("a.yaml", `${MODEL}---\n${other}`);
    const { manifests, problems, synced } = await scan();
    assert.deepEqual([[...manifests.keys()], problems, synced], [[LLAMA], [], true]);
  });
});
