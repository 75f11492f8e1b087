import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type DirectorySource, openDirectory, type Snapshot } from "../../../agent/sources/directory/directory.ts";
import { keyOf } from "../../../agent/workload/manifest.ts";
import { modelManifest, serviceManifest } from "../../support/manifests.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const model = JSON.stringify(modelManifest());
const service = JSON.stringify(serviceManifest());
const keys = ({ manifests }: Snapshot) => manifests.map(keyOf).sort();

describe("a folder of manifests", function () {
  this.timeout(30_000);
  let folder: string;
  let source: DirectorySource | undefined;

  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "manifests");
    await mkdir(join(folder, "1-manifest"), { recursive: true });
  });

  afterEach(async () => source?.close());

  const open = async () => {
    source = await openDirectory(folder, () => {});
    return source;
  };
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const once = async (holds: (snapshot: Snapshot) => boolean) => {
    for (let tries = 0; tries < 200; tries += 1) {
      const snapshot = source?.current();
      if (snapshot !== undefined && holds(snapshot)) return snapshot;
      await sleep(50);
    }
    return assert.fail(`not reached; last: ${JSON.stringify(source?.current())}`);
  };

  it("reads several documents, lists and sub-folders, and passes over other APIs", async () => {
    await write("1-manifest/a.yaml", `${model}\n---\n{kind: Namespace, apiVersion: v1, metadata: {name: x}}\n`);
    await write("list.yml", `{apiVersion: v1, kind: List, items: [${service}]}`);
    await write("notes.txt", "no: [manifest");
    const { current } = await open();
    assert.deepEqual(keys(current()), ["InferenceService default/chat", "Model default/llama"]);
    assert.deepEqual(current().problems, []);
  });

  it("says one sentence a bad document, and uses the others", async () => {
    await write("bad.yaml", JSON.stringify(modelManifest({ hardware: { memoryBudget: "24GB" } })));
    await write("empty.yaml", "");
    await write("good.yaml", service);
    const { current } = await open();
    assert.deepEqual(keys(current()), ["InferenceService default/chat"]);
    const [bad, empty] = current().problems;
    assert.match(bad ?? "", /^bad\.yaml: Model default\/llama: .*memoryBudget/);
    assert.match(empty ?? "", /^empty\.yaml: it is empty/);
  });

  it("T6: takes a file that turned bad for no deletion, and one that is gone for one", async () => {
    await write("a.yaml", `${model}\n---\n${service}`);
    await open();
    for (const text of ["", "kind: [", `${service}\n---\n${JSON.stringify(modelManifest({ source: 7 }))}`]) {
      await write("a.yaml", text);
      const kept = await once(({ problems }) => problems.length === 1);
      assert.deepEqual(keys(kept), ["InferenceService default/chat", "Model default/llama"]);
      assert.match(kept.problems[0] ?? "", /^a\.yaml: .*; its last good version stays in force$/);
      await write("a.yaml", `${model}\n---\n${service}`);
      await once(({ problems }) => problems.length === 0);
    }
    await rm(join(folder, "a.yaml"));
    assert.deepEqual(keys(await once(({ manifests }) => manifests.length === 0)), []);
  });

  it("refuses a name that two files claim, naming both", async () => {
    await write("a.yaml", model);
    await write("b.yaml", model);
    const { current } = await open();
    assert.deepEqual(keys(current()), []);
    assert.deepEqual(current().problems, [
      "Model default/llama is defined more than once, in a.yaml and b.yaml: keep one of them",
    ]);
  });

  it("T6: keeps what was in force when a second file claims its name, and when the folder is away", async () => {
    await write("a.yaml", `${model}\n---\n${service}`);
    await open();
    await write("b.yaml", JSON.stringify(modelManifest({ source: "/models/other.gguf" })));
    const claimed = await once(({ problems }) => problems.length === 1);
    assert.match(claimed.problems[0] ?? "", /a\.yaml and b\.yaml: keep one of them; .* stays in force$/);
    const inForce = claimed.manifests.find(({ kind }) => kind === "Model");
    assert(inForce?.kind === "Model");
    assert.equal(inForce.spec.source, "/models/llama.gguf");

    await rename(folder, `${folder}-away`);
    const away = await once(({ problems }) => /does not exist/.test(problems.join()));
    assert.deepEqual(away.problems, [
      `${folder} does not exist: waiting for it; what was last read there stays in force`,
    ]);
    assert.deepEqual(away.manifests, claimed.manifests);
    await rm(join(`${folder}-away`, "a.yaml"));
    await rename(`${folder}-away`, folder);
    const back = await once(({ manifests }) => manifests.length === 1);
    assert.deepEqual(keys(back), ["Model default/llama"]);
  });

  it("sees at once what is written right after it began, and passes over hidden files", async () => {
    await open();
    writeFileSync(join(folder, "a.yaml"), model);
    writeFileSync(join(folder, ".b.yaml"), "half: [");
    const begun = Date.now();
    assert.deepEqual((await once(({ manifests }) => manifests.length === 1)).problems, []);
    assert.ok(Date.now() - begun < 4000, "the rescan found it, not the watch");
  });

  it("waits for a folder that is not there yet", async () => {
    await rm(folder, { recursive: true });
    const { current } = await open();
    assert.deepEqual(current().problems, [`${folder} does not exist: waiting for it`]);
    await mkdir(folder);
    await write("a.yaml", model);
    assert.deepEqual((await once(({ manifests }) => manifests.length === 1)).problems, []);
  });
});
