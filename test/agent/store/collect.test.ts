import assert from "node:assert/strict";
import { link, mkdir, readdir, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { collect, type KeptModel, removals } from "../../../agent/store/collect.ts";
import { modelFiles } from "../../../agent/store/files.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const HOUR = 3_600_000;
const now = 1_700_000_000_000;

function kept(key: string, hoursUnused: number, part: Partial<KeptModel> = {}): KeptModel {
  return { key, bytes: 10, usedAt: now - hoursUnused * HOUR, wanted: false, ...part };
}

describe("removing downloaded models", () => {
  const cases: readonly (readonly [name: string, models: readonly KeptModel[], max: number, removed: string[]])[] = [
    ["removes nothing if everything fits", [kept("a", 5), kept("b", 9)], 20, []],
    ["removes the least recently used first", [kept("a", 5), kept("b", 9), kept("c", 7)], 15, ["b", "c"]],
    ["removes no more than needed", [kept("a", 5), kept("b", 9)], 19, ["b"]],
    ["never removes a model that a manifest names", [kept("a", 5), kept("b", 9, { wanted: true })], 5, ["a"]],
    ["keeps a model that was used within ten minutes", [kept("a", 0.16), kept("b", 0.17)], 0, ["b"]],
    ["keeps a model that a wrong clock marked as used in the future", [kept("a", -50)], 0, []],
  ];
  for (const [name, models, max, removed] of cases) {
    it(name, () => assert.deepEqual(removals(models, max, now), removed));
  }

  it("removes all files of a model, marks the wanted models as used, and touches nothing else", async () => {
    const folder = join(await temporaryDirectory(), "models");
    await mkdir(folder);
    const old = new Date(now - 5 * HOUR);
    const put = async (path: string) => {
      await writeFile(path, Buffer.alloc(1024));
      await utimes(path, old, old);
    };
    const wanted = { source: "hf://org/repo/wanted.gguf", sha256: undefined };
    const unused = "hf://org/repo/unused-00001-of-00002.gguf";
    const [{ path: wantedPath }] = modelFiles(folder, wanted.source, wanted.sha256);
    for (const { path } of [{ path: wantedPath }, ...modelFiles(folder, unused, undefined)]) await put(path);
    await put(join(folder, "my-own.gguf"));
    const said: string[] = [];
    const collection = { folder, maxBytes: 1536, wanted: () => [wanted], say: (message: string) => said.push(message) };

    await collect({ ...collection, maxBytes: undefined }, now);
    await collect({ ...collection, wanted: () => undefined }, now);
    assert.equal((await readdir(folder)).length, 5, "no limit, or manifests that cannot be read: nothing goes");
    await collect(collection, now);
    const left = await readdir(folder);
    assert.deepEqual(left.map((name) => name.replace(/^[0-9a-f]{16}-/, "")).sort(), [
      "my-own.gguf",
      "used",
      "wanted.gguf",
    ]);
    assert.match(
      said.join("\n"),
      /^removed \S+-unused-00001-of-00002\.gguf \(2\.0 KiB\), the least recently used model/,
    );
    assert.equal((await stat(wantedPath)).mtimeMs, old.getTime(), "the model's own time stays");

    await collect({ ...collection, maxBytes: 0, wanted: () => [] }, now + HOUR / 12);
    assert.equal((await readdir(folder)).length, 3, "it was wanted five minutes ago, perhaps by another agent");
    await collect({ ...collection, maxBytes: 0, wanted: () => [] }, now + HOUR);
    assert.deepEqual(await readdir(folder), ["my-own.gguf"]);
  });

  it("says what it could not remove, and not that it did", async () => {
    const folder = await temporaryDirectory();
    const [{ path }] = modelFiles(folder, "hf://org/repo/stuck.gguf", undefined);
    // A folder beside a file is the lock of a download, which goes by itself.
    await mkdir(`${path}-folder`);
    await writeFile(path, Buffer.alloc(1024));
    for (const each of [path, `${path}-folder`]) await utimes(each, new Date(now - HOUR), new Date(now - HOUR));
    const said: string[] = [];
    const remove = async (file: string) => {
      throw Object.assign(new Error(file), { code: "EACCES" });
    };
    await collect({ folder, maxBytes: 0, wanted: () => [], say: (message) => said.push(message), remove }, now);
    assert.equal(said.length, 1);
    assert.match(said[0] ?? "", /^cannot remove \S+-stuck\.gguf .* \(EACCES\): check the permissions of /);
    assert.ok((await readdir(folder)).length === 2);
  });

  it("counts a file that has two names once, and keeps both while a Model names it", async () => {
    const folder = await temporaryDirectory();
    const source = "hf://org/repo/twice.gguf";
    const sha256 = "ab".repeat(32);
    const [checked, plain] = [
      modelFiles(folder, source, sha256)[0].path,
      modelFiles(folder, source, undefined)[0].path,
    ];
    await writeFile(checked, Buffer.alloc(1000));
    await link(checked, plain);
    await utimes(checked, new Date(now - HOUR), new Date(now - HOUR));
    const said: string[] = [];
    const collection = { folder, wanted: () => [], say: (message: string) => said.push(message) };
    await collect({ ...collection, maxBytes: 1500 }, now);
    assert.deepEqual(said, []);
    await collect({ ...collection, maxBytes: 0, wanted: () => [{ source, sha256 }] }, now);
    assert.deepEqual(said, []);
    assert.ok((await readdir(folder)).includes(basename(checked)) && (await readdir(folder)).includes(basename(plain)));
  });
});
