import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { openDirectory } from "../../../agent/sources/directory/directory.ts";
import type { WantedWork, WorkSource } from "../../../agent/sources/source.ts";
import type { HostFacts } from "../../../agent/workload/workload.ts";
import { type WorkloadId, workloadId } from "../../../agent/workload/workload-id.ts";
import { modelManifest, serviceManifest } from "../../support/manifests.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { options } from "../samples.ts";

const model = JSON.stringify(modelManifest());
const service = JSON.stringify(serviceManifest());
const other = JSON.stringify({ ...serviceManifest(), metadata: { name: "other" } });
const chat = workloadId("default/chat");
const foreign = "{apiVersion: inference.llmkube.dev/v1alpha1, kind: ModelRouter, metadata: {name: r}}";

describe("the directory as a source of work", function () {
  this.timeout(30_000);
  let folder: string;
  let source: WorkSource | undefined;
  let running: Map<WorkloadId, number>;
  let host: HostFacts;
  let changes: number;

  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "manifests");
    await mkdir(join(folder, "1-manifest"), { recursive: true });
    running = new Map();
    host = { backend: "cpu", hostMemoryBytes: 16 * 2 ** 30, options };
    changes = 0;
  });

  afterEach(async () => source?.close());

  const open = async () => {
    source = await openDirectory({
      clock: () => performance.now(),
      folder,
      host: () => host,
      running: () => new Map(running),
      changed: () => {
        changes += 1;
      },
    });
    return source;
  };
  const write = (name: string, text: string) => writeFile(join(folder, name), text);
  const once = async (holds: (work: WantedWork) => boolean) => {
    for (let tries = 0; tries < 200; tries += 1) {
      const work = source?.current();
      if (work !== undefined && holds(work)) return work;
      await sleep(50);
    }
    return assert.fail(`not reached; last: ${JSON.stringify(source?.current())}`);
  };
  const kinds = ({ workloads }: WantedWork) => [...workloads].map(([id, { kind }]) => `${id} ${kind}`);

  it("joins Models and InferenceServices, and knows every model that is named", async () => {
    await write("1-manifest/a.yaml", `${model}\n---\n${foreign}`);
    await write("list.yml", `{apiVersion: v1, kind: List, items: [${service}]}`);
    const { current } = await open();
    assert.deepEqual(kinds(current()), ["default/chat run"]);
    const { synced, problems, notes, models } = current();
    assert.deepEqual([synced, problems, notes.length], [true, [], 1]);
    assert.deepEqual(models, [{ source: "/models/llama.gguf", sha256: undefined }]);
  });

  it("knows the models in spite of a fault in a service, but not while a Model was never read", async () => {
    await write("a.yaml", `${model}\n---\n${JSON.stringify(serviceManifest({ contextSize: 1 }))}`);
    const { current } = await open();
    assert.deepEqual(kinds(current()), ["default/chat unknown"]);
    assert.deepEqual([current().synced, current().models?.length], [true, 1]);
    await write("b.yaml", JSON.stringify(modelManifest({ source: 7 }, "small")));
    const faulty = await once(({ problems }) => problems.length === 2);
    assert.deepEqual([faulty.synced, faulty.models], [true, undefined]);
  });

  it("knows no models while a file cannot be told", async () => {
    await write("a.yaml", model);
    await write("b.yaml", "kind: [");
    const { synced, models } = (await open()).current();
    assert.deepEqual([synced, models], [false, undefined]);
  });

  it("joins anew only when the manifests or what runs have changed", async () => {
    await write("a.yaml", `${model}\n---\n${service}\n---\n${other}`);
    const { current } = await open();
    const first = current();
    assert.equal(current(), first);
    running.set(workloadId("default/other"), 8080);
    const second = current();
    assert.deepEqual(
      [kinds(first), kinds(second)],
      [
        ["default/chat run", "default/other refused"],
        ["default/other run", "default/chat refused"],
      ],
    );
    assert.equal(current(), second);
    await write("b.yaml", JSON.stringify(modelManifest({}, "small")));
    const third = await once((work) => work !== second);
    assert.equal(third.models?.length, 2);
    assert.ok(changes >= 1);
    const before = changes;
    await sleep(6000);
    assert.deepEqual([current() === third, changes], [true, before], "a look that finds nothing new changes nothing");
  });

  it("keeps what runs when its Model is lost to a bad file, and stops it when that file is gone (LLMKube trap T6)", async () => {
    await write("a.yaml", model);
    await write("b.yaml", service);
    const { current } = await open();
    await write("a.yaml", "kind: [");
    assert.deepEqual(kinds(await once(({ synced }) => !synced)), ["default/chat run"]);
    await source?.close();
    // A new agent has never read it.
    const again = await open();
    assert.deepEqual(kinds(again.current()), ["default/chat unknown"]);
    await rm(join(folder, "a.yaml"));
    assert.deepEqual(kinds(await once(({ synced }) => synced)), ["default/chat refused"]);
    assert.deepEqual(kinds(current()), ["default/chat run"], "a source that is closed reads no more");
  });

  it("sees at once what is written right after it began, what is deleted, and nothing that is hidden", async () => {
    await open();
    writeFileSync(join(folder, "a.yaml"), service);
    writeFileSync(join(folder, ".b.yaml"), "half: [");
    const begun = Date.now();
    assert.deepEqual((await once(({ workloads }) => workloads.has(chat))).problems, []);
    assert.ok(Date.now() - begun < 4000, "the rescan found it, not the watch");
    await rm(join(folder, "a.yaml"));
    await once(({ workloads }) => workloads.size === 0);
    assert.ok(changes >= 2);
  });

  it("waits for a folder that is not there yet, and keeps what was there when it goes", async () => {
    await rm(folder, { recursive: true });
    const { current } = await open();
    assert.deepEqual([current().synced, current().problems], [false, [`${folder} does not exist: waiting for it`]]);
    await mkdir(folder);
    await write("a.yaml", service);
    assert.deepEqual((await once(({ workloads }) => workloads.has(chat))).problems, []);
    await rename(folder, `${folder}-away`);
    const away = await once(({ synced }) => !synced);
    assert.deepEqual([...away.workloads.keys()], [chat]);
  });

  it("is not stopped by a named pipe, neither at the beginning nor later nor at its end", async () => {
    await execa("mkfifo", [join(folder, "x.yaml"), join(folder, "1-manifest", "y")]);
    await write("a.yaml", service);
    const deadline = sleep(15_000, "too late", { ref: false });
    assert.notEqual(await Promise.race([open(), deadline]), "too late");
    assert.deepEqual(source?.current().problems, ["x.yaml: it is a named pipe; only regular files are read"]);
    await execa("mkfifo", [join(folder, "1-manifest", "y.yaml")]);
    const late = await once(({ problems }) => problems.length === 2);
    assert.deepEqual([[...late.workloads.keys()], late.synced], [[chat], true]);
    await write("b.yaml", other);
    await once(({ workloads }) => workloads.size === 2);
    assert.notEqual(await Promise.race([source?.close(), deadline]), "too late");
  });
});
