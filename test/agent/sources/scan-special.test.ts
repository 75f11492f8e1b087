import assert from "node:assert/strict";
import { mkdir, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { execa } from "execa";

import { CHAT, keys, LLAMA, manifestFolder, model, service, serviceOf } from "./manifest-folder.ts";

async function sparse(path: string, bytes: number): Promise<void> {
  await writeFile(path, "");
  await truncate(path, bytes);
}

describe("a folder of manifests with what is no regular file", function () {
  this.timeout(10_000);
  const { path, write, scan } = manifestFolder();

  it("reads a link to a file, also through the hidden folder of a mounted ConfigMap", async () => {
    await write("..2026/a.yaml", model);
    await symlink("..2026", path("..data"));
    await symlink("..data/a.yaml", path("a.yaml"));
    const snapshot = await scan();
    assert.deepEqual([keys(snapshot), snapshot.synced, snapshot.problems], [[LLAMA], true, []]);
  });

  const special: ReadonlyArray<
    readonly [about: string, make: (path: string) => Promise<unknown>, said: RegExp, synced: boolean]
  > = [
    [
      "a named pipe",
      (path) => execa("mkfifo", [path]),
      /^x\.yaml: it is a named pipe; only regular files are read$/,
      true,
    ],
    ["a link to an endless device", (path) => symlink("/dev/zero", path), /^x\.yaml: it is a device; /, true],
    [
      "a folder",
      (path) => mkdir(path),
      /^x\.yaml is a folder, in spite of its name; the manifests in it are read$/,
      true,
    ],
    [
      "a link to a folder that is read already",
      (path) => symlink(".", path),
      /^x\.yaml leads to the folder itself, which is read already$/,
      true,
    ],
    ["a link to itself", (path) => symlink("x.yaml", path), /^x\.yaml: it is a link that leads back to itself$/, false],
    ["a link to nothing", (path) => symlink("y", path), /^x\.yaml: it is a link to a file that does not exist$/, false],
    ["a gibibyte of holes", (path) => sparse(path, 2 ** 30), /^x\.yaml: it is larger than 1 MiB/, false],
  ];
  for (const [about, make, said, synced] of special) {
    it(`says one sentence on ${about}, and does not open it`, async () => {
      await write("a.yaml", model);
      await make(path("x.yaml"));
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), snapshot.synced], [[LLAMA], synced]);
      const sentences = [...snapshot.problems, ...snapshot.notes];
      assert.equal(sentences.length, 1, sentences.join("\n"));
      assert.match(sentences[0] ?? "", said);
    });
  }

  it("reads what a link to a folder leads to, once, by the name that it has in the tree", async () => {
    const releases = path("..", "releases");
    await mkdir(join(releases, "1"), { recursive: true });
    await writeFile(join(releases, "1", "a.yaml"), model);
    await symlink("../releases/1", path("current"));
    await write("own/b.yaml", service);
    await symlink("own", path("also"));
    const snapshot = await scan();
    assert.deepEqual([keys(snapshot), snapshot.synced, snapshot.problems], [[CHAT, LLAMA], true, []]);
    assert.deepEqual(snapshot.notes, ["also leads to own, which is read already"]);
    await rm(path("current"));
    assert.deepEqual(keys(await scan()), [CHAT]);
  });

  it("reads endings in upper case, and names what only looks like a manifest", async () => {
    await write("a.YAML", model);
    await write("b.Yml", service);
    await write("c.JSON", serviceOf("one"));
    for (const name of ["d.yaml.bak", "e.jsonc", "f.yml~", "g.json5", ".h.yaml.swp"]) await write(name, service);
    for (const name of ["README.md", "notes.txt", "values.tmpl"]) await write(name, "");
    const snapshot = await scan();
    assert.deepEqual(keys(snapshot), [CHAT, "InferenceService default/one", LLAMA]);
    assert.deepEqual(
      snapshot.notes,
      ["d.yaml.bak", "e.jsonc", "f.yml~", "g.json5"].map(
        (name) => `${name} is not read: only .yaml, .yml and .json are`,
      ),
    );
  });

  it("says one sentence on a device", async function () {
    const made = await execa("mknod", [path("x.yaml"), "c", "1", "5"], { reject: false });
    if (made.failed) this.skip();
    assert.match((await scan()).problems.join(), /^x\.yaml: it is a device; only regular files are read$/);
  });

  it("says one sentence on a socket", async () => {
    const server = createServer().listen(path("x.yaml"));
    await new Promise((resolve) => server.once("listening", resolve));
    const { problems } = await scan();
    server.close();
    assert.deepEqual(problems, ["x.yaml: it is a socket; only regular files are read"]);
  });

  it("keeps what was a file before", async () => {
    await write("x.yaml", model);
    await scan();
    await rm(path("x.yaml"));
    await execa("mkfifo", [path("x.yaml")]);
    const snapshot = await scan();
    assert.deepEqual([keys(snapshot), snapshot.synced], [[LLAMA], false]);
  });
});
