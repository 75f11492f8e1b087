import assert from "node:assert/strict";
import { chmod, mkdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { readFolder } from "../../../agent/sources/directory/list.ts";
import { readManifestFile } from "../../../agent/sources/directory/read-file.ts";
import { folderScanner, MISSED_MS, type Scanner } from "../../../agent/sources/directory/scan.ts";
import type { Snapshot } from "../../../agent/sources/directory/snapshot.ts";
import { modelManifest, serviceManifest } from "../../support/manifests.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const modelOf = (name: string, spec: object = {}) => JSON.stringify(modelManifest(spec, name));
const serviceOf = (name: string, spec: object = {}) => JSON.stringify({ ...serviceManifest(spec), metadata: { name } });
const model = modelOf("llama");
const service = serviceOf("chat");
const both = `${model}\n---\n${service}`;
const CHAT = "InferenceService default/chat";
const LLAMA = "Model default/llama";

const NOBODY = 65_534;

async function sparse(path: string, bytes: number): Promise<void> {
  await writeFile(path, "");
  await truncate(path, bytes);
}

const keys = ({ manifests }: Snapshot) => [...manifests.keys()].sort();
const faulty = ({ unreadable }: Snapshot) => [...unreadable.keys()].sort();

describe("a folder of manifests", () => {
  let folder: string;
  let scanner: Scanner;
  let now = 0;

  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "manifests");
    await mkdir(folder);
    scanner = folderScanner({
      folder,
      clock: () => {
        now += MISSED_MS;
        return now;
      },
    });
  });

  const write = async (name: string, content: string | Uint8Array) => {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), content);
  };
  /** Looks until nothing is doubtful: what is missing must be missed twice. */
  const scan = async (): Promise<Snapshot> => {
    const { snapshot, doubtful } = await scanner.scan();
    return doubtful ? scan() : snapshot;
  };

  it("is read with its sub-folders", async () => {
    await write("1-manifest/a.yaml", model);
    await write("1-manifest/b/c.yml", serviceOf("one"));
    await write("d.json", service);
    await write("notes.txt", "no: [manifest");
    const snapshot = await scan();
    assert.deepEqual(keys(snapshot), [CHAT, "InferenceService default/one", LLAMA]);
    assert.deepEqual([snapshot.problems, snapshot.notes, snapshot.synced], [[], [], true]);
  });

  it("is synced when it is empty, and not when it is away", async () => {
    assert.equal((await scan()).synced, true);
    await rm(folder, { recursive: true });
    const away = await scan();
    assert.deepEqual([away.synced, away.problems], [false, [`${folder} does not exist: waiting for it`]]);
    await writeFile(folder, "");
    assert.match((await scan()).problems.join(), /is not a folder: name the folder that holds the manifests$/);
  });

  describe("with objects that are not ours (fault 4)", () => {
    const router = "{apiVersion: inference.llmkube.dev/v1alpha1, kind: ModelRouter, metadata: {name: r}, spec: {}}";

    it("notes them, and stays synced without a problem", async () => {
      await write("a.yaml", `${both}\n---\n${router}`);
      const snapshot = await scan();
      assert.deepEqual(keys(snapshot), [CHAT, LLAMA]);
      assert.deepEqual([snapshot.synced, snapshot.problems], [true, []]);
      assert.deepEqual(snapshot.notes, [
        "a.yaml: ModelRouter default/r is passed over: this agent serves Models and InferenceServices only",
      ]);
    });

    it("lets go of a document that was deleted beside one", async () => {
      await write("a.yaml", `${both}\n---\n${router}`);
      await scan();
      await write("a.yaml", `${model}\n---\n${router}`);
      assert.deepEqual(keys(await scan()), [LLAMA]);
    });
  });

  describe("with a document that has a fault", () => {
    it("keeps the last good version of that object alone", async () => {
      await write("a.yaml", both);
      await scan();
      await write("a.yaml", modelOf("llama", { source: 7 }));
      const snapshot = await scan();
      assert.deepEqual(keys(snapshot), [LLAMA], "the InferenceService was deleted");
      assert.deepEqual([faulty(snapshot), snapshot.synced], [[], true]);
      assert.equal(snapshot.problems.length, 1);
      assert.match(
        snapshot.problems[0] ?? "",
        /^a\.yaml: Model default\/llama: .*; its last good version stays in force$/,
      );
    });

    it("keeps it also where the document has moved to another file", async () => {
      await write("a.yaml", both);
      await scan();
      await write("a.yaml", service);
      await write("b.yaml", modelOf("llama", { source: 7 }));
      assert.deepEqual(keys(await scan()), [CHAT, LLAMA]);
    });

    it("says which object is unreadable where no version of it was good, and forgets it when it is deleted", async () => {
      await write("a.yaml", `${serviceOf("chat", { contextSize: 1 })}\n---\n${modelOf("llama", { source: 7 })}`);
      await write("b.yaml", modelOf("other"));
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), faulty(snapshot)], [["Model default/other"], [CHAT, LLAMA]]);
      assert.equal(snapshot.synced, true);
      assert.match(
        snapshot.unreadable.get(CHAT)?.problem ?? "",
        /^a\.yaml: InferenceService default\/chat: spec\.contextSize is 1/,
      );
      await write("a.yaml", "kind: [");
      assert.deepEqual(faulty(await scan()), [CHAT, LLAMA], "the file may still hold them");
      await rm(join(folder, "a.yaml"));
      assert.deepEqual(faulty(await scan()), []);
    });

    it("keeps the last good version under another version of the API, or a misspelt kind", async () => {
      for (const change of [{ apiVersion: "inference.llmkube.dev/v1beta1" }, { kind: "Modle" }]) {
        await write("a.yaml", model);
        await scan();
        await write("a.yaml", JSON.stringify({ ...modelManifest(), ...change }));
        const snapshot = await scan();
        assert.deepEqual([keys(snapshot), snapshot.synced], [[LLAMA], true]);
      }
    });
  });

  describe("with a document that does not say which object it is", () => {
    for (const [about, text] of [
      ["no name", JSON.stringify({ ...modelManifest(), metadata: {} })],
      ["a name that no object has", modelOf("Llama_3")],
      [
        "an end within its name",
        "apiVersion: inference.llmkube.dev/v1alpha1\nkind: InferenceService\nmetadata:\n  name: ch",
      ],
      ["an end within its kind", "apiVersion: inference.llmkube.dev/v1alpha1\nkind: Mo"],
    ] as const) {
      it(`keeps what the file held and does not name now, and is not synced: ${about}`, async () => {
        await write("a.yaml", `${both}\n---\n${modelOf("other")}`);
        await write("b.yaml", serviceOf("second"));
        await scan();
        await write("a.yaml", `${modelOf("other", { source: "/new.gguf" })}\n---\n${text}`);
        await rm(join(folder, "b.yaml"));
        const snapshot = await scan();
        assert.deepEqual(keys(snapshot), [CHAT, LLAMA, "Model default/other"]);
        const other = snapshot.manifests.get("Model default/other");
        assert(other?.kind === "Model");
        assert.equal(other.spec.source, "/new.gguf");
        assert.equal(snapshot.synced, false);
        assert.match(snapshot.problems.join("\n"), /^a\.yaml: .*; its last good version stays in force$/);
      });
    }
  });

  describe("with a file that cannot be read", () => {
    const text = `${model}\n`;
    const bad: ReadonlyArray<readonly [about: string, content: string | Uint8Array, problem: RegExp]> = [
      ["it has become empty", "", /^a\.yaml: it is empty; remove the file or write a manifest into it; its last good/],
      ["a syntax error", "kind: [", /^a\.yaml: it is not valid YAML: /],
      ["one lone word", "oops", /^a\.yaml: A document is "oops"; it must be a manifest/],
      [
        "UTF-16",
        Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]),
        /it is not text in UTF-8; save it as UTF-8/,
      ],
      ["UTF-16 without a mark", Buffer.from(text, "utf16le"), /^a\.yaml: it is not text in UTF-8/],
      ["NUL bytes", Buffer.alloc(text.length), /^a\.yaml: it is not text in UTF-8/],
      ["Latin-1", Buffer.from(`${text}# \u00e4`, "latin1"), /^a\.yaml: it is not text in UTF-8/],
      [
        "more than 1 MiB",
        `${model}\n#${" ".repeat(2 ** 20)}`,
        /^a\.yaml: it is larger than 1 MiB; no manifest is that large/,
      ],
    ];
    for (const [about, content, problem] of bad) {
      it(`keeps what the file held, and is not synced: ${about}`, async () => {
        await write("a.yaml", both);
        await write("b.yaml", serviceOf("second"));
        await scan();
        await write("a.yaml", content);
        await rm(join(folder, "b.yaml"));
        const snapshot = await scan();
        assert.deepEqual(keys(snapshot), [CHAT, LLAMA], "another file's deletion counts");
        assert.equal(snapshot.synced, false);
        assert.equal(snapshot.problems.length, 1);
        assert.match(snapshot.problems[0] ?? "", problem);
        assert.match(snapshot.problems[0] ?? "", /; its last good version stays in force$/);
        await write("a.yaml", both);
        const mended = await scan();
        assert.deepEqual([mended.synced, mended.problems], [true, []]);
        await rm(join(folder, "a.yaml"));
        assert.deepEqual(keys(await scan()), []);
      });
    }

    it("lets an object go to another file meanwhile", async () => {
      await write("a.yaml", both);
      await scan();
      await write("a.yaml", "kind: [");
      await write("b.yaml", modelOf("llama", { source: "/new.gguf" }));
      const snapshot = await scan();
      const moved = snapshot.manifests.get(LLAMA);
      assert(moved?.kind === "Model");
      assert.equal(moved.spec.source, "/new.gguf");
      assert.deepEqual([keys(snapshot), snapshot.problems.length], [[CHAT, LLAMA], 1]);
    });

    it("keeps what the file held when it is renamed", async () => {
      await write("a.yaml", both);
      await scan();
      await write("a.yaml", "kind: [");
      await scan();
      await rename(join(folder, "a.yaml"), join(folder, "b.yaml"));
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), snapshot.synced], [[CHAT, LLAMA], false]);
      assert.match(snapshot.problems.join(), /^b\.yaml: /);
    });
  });

  it("takes comments alone for no manifest", async () => {
    await write("a.yaml", model);
    await scan();
    await write("a.yaml", `# ${model}\n`);
    const snapshot = await scan();
    assert.deepEqual([keys(snapshot), snapshot.synced, snapshot.problems], [[], true, []]);
  });

  describe("with two documents of one object", () => {
    it("takes neither, naming both files, and says that the object is unreadable", async () => {
      await write("a.yaml", model);
      await write("b.yaml", model);
      const snapshot = await scan();
      const problem = "Model default/llama is defined more than once, in a.yaml and b.yaml: keep one of them";
      assert.deepEqual([keys(snapshot), faulty(snapshot), snapshot.problems], [[], [LLAMA], [problem]]);
      assert.equal(snapshot.synced, true);
    });

    it("keeps what was in force, in one file too, until one of them goes", async () => {
      await write("a.yaml", model);
      await scan();
      const next = modelOf("llama", { source: "/next.gguf" });
      await write("a.yaml", `${model}\n---\n${next}`);
      const snapshot = await scan();
      assert.deepEqual(snapshot.problems, [
        "Model default/llama is defined more than once, in a.yaml: keep one of them; the version that was read before stays in" +
          " force",
      ]);
      const source = ({ manifests }: Snapshot) => manifests.get(LLAMA)?.spec;
      assert.deepEqual(source(snapshot), source(await scan()));
      await write("a.yaml", next);
      const spec = source(await scan());
      assert(spec !== undefined && "source" in spec);
      assert.equal(spec.source, "/next.gguf");
    });
  });

  it("keeps what was in force where the folder is replaced by an empty one, as by an unmounted disk, until it is back", async () => {
    await write("one.yaml", both);
    await scan();
    await rename(folder, `${folder}.mounted`);
    await mkdir(folder);
    const away = await scan();
    assert.deepEqual([keys(away), away.synced], [[CHAT, LLAMA], false]);
    assert.match(
      away.problems.join(),
      /is another folder than before, and an empty one.*; what was last read there stays in force$/,
    );
    await rm(folder, { recursive: true });
    await rename(`${folder}.mounted`, folder);
    const back = await scan();
    assert.deepEqual([keys(back), back.synced, back.problems], [[CHAT, LLAMA], true, []]);
    await rm(join(folder, "one.yaml"));
    assert.deepEqual(keys(await scan()), []);
  });

  it("keeps what is missing from a file that is written in two parts", async () => {
    await write("one.yaml", both);
    await scan();
    now -= MISSED_MS;
    await write("one.yaml", model);
    const first = await scanner.scan();
    now -= MISSED_MS;
    const second = await scanner.scan();
    assert.deepEqual(
      [keys(first.snapshot), keys(second.snapshot)],
      [
        [CHAT, LLAMA],
        [CHAT, LLAMA],
      ],
    );
    assert.deepEqual(keys((await scanner.scan()).snapshot), [LLAMA]);
  });

  it("does not miss a file that is renamed, nor one that is in neither folder for one look", async () => {
    await write("a/one.yaml", both);
    await scan();
    await rename(join(folder, "a/one.yaml"), join(folder, "a/two.yaml"));
    assert.deepEqual(keys((await scanner.scan()).snapshot), [CHAT, LLAMA]);
    await rename(join(folder, "a/two.yaml"), join(folder, "../two.yaml"));
    const look = await scanner.scan();
    assert.deepEqual([keys(look.snapshot), look.doubtful], [[CHAT, LLAMA], true]);
    await write("b/x.yaml", "{}");
    await rename(join(folder, "../two.yaml"), join(folder, "b/two.yaml"));
    const back = await scanner.scan();
    assert.deepEqual([keys(back.snapshot), back.doubtful], [[CHAT, LLAMA], false]);
  });

  it("keeps everything while it is away (LLMKube trap T6)", async () => {
    await write("a.yaml", both);
    await write("b.yaml", serviceOf("bad", { contextSize: 1 }));
    const before = await scan();
    await rename(folder, `${folder}-away`);
    const away = await scan();
    assert.deepEqual(away.problems, [
      `${folder} does not exist: waiting for it; what was last read there stays in force`,
    ]);
    assert.deepEqual([away.manifests, away.unreadable, away.synced], [before.manifests, before.unreadable, false]);
    await rm(join(`${folder}-away`, "a.yaml"));
    await rename(`${folder}-away`, folder);
    const back = await scan();
    assert.deepEqual([keys(back), faulty(back), back.synced], [[], ["InferenceService default/bad"], true]);
  });

  it("keeps what a sub-folder held while it cannot be listed", async () => {
    await write("sub/a.yaml", model);
    await write("b.yaml", service);
    await scan();
    await rm(join(folder, "b.yaml"));
    await chmod(join(folder, ".."), 0o755);
    await chmod(join(folder, "sub"), 0);
    // Root may list everything.
    if (process.getuid?.() === 0) process.seteuid?.(NOBODY);
    try {
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), snapshot.synced], [[LLAMA], false]);
      assert.deepEqual(snapshot.problems, ["sub cannot be read (EACCES): check its permissions"]);
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0);
      await chmod(join(folder, "sub"), 0o755);
    }
  });

  it("is not read where it is hidden", async () => {
    for (const name of [".Trashes/x.yaml", "sub/.git/x.yaml", ".x.yaml", "sub/.x.yaml"]) await write(name, "kind: [");
    await write("sub/a.yaml", model);
    const snapshot = await scan();
    assert.deepEqual([keys(snapshot), snapshot.problems, snapshot.synced], [[LLAMA], [], true]);
  });

  describe("with what is no regular file", function () {
    this.timeout(10_000);

    it("reads a link to a file, also through the hidden folder of a mounted ConfigMap", async () => {
      await write("..2026/a.yaml", model);
      await symlink("..2026", join(folder, "..data"));
      await symlink("..data/a.yaml", join(folder, "a.yaml"));
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
      [
        "a link to itself",
        (path) => symlink("x.yaml", path),
        /^x\.yaml: it is a link that leads back to itself$/,
        false,
      ],
      [
        "a link to nothing",
        (path) => symlink("y", path),
        /^x\.yaml: it is a link to a file that does not exist$/,
        false,
      ],
      ["a gibibyte of holes", (path) => sparse(path, 2 ** 30), /^x\.yaml: it is larger than 1 MiB/, false],
    ];
    for (const [about, make, said, synced] of special) {
      it(`says one sentence on ${about}, and does not open it`, async () => {
        await write("a.yaml", model);
        await make(join(folder, "x.yaml"));
        const snapshot = await scan();
        assert.deepEqual([keys(snapshot), snapshot.synced], [[LLAMA], synced]);
        const sentences = [...snapshot.problems, ...snapshot.notes];
        assert.equal(sentences.length, 1, sentences.join("\n"));
        assert.match(sentences[0] ?? "", said);
      });
    }

    it("reads what a link to a folder leads to, once, by the name that it has in the tree", async () => {
      const releases = join(folder, "..", "releases");
      await mkdir(join(releases, "1"), { recursive: true });
      await writeFile(join(releases, "1", "a.yaml"), model);
      await symlink("../releases/1", join(folder, "current"));
      await write("own/b.yaml", service);
      await symlink("own", join(folder, "also"));
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), snapshot.synced, snapshot.problems], [[CHAT, LLAMA], true, []]);
      assert.deepEqual(snapshot.notes, ["also leads to own, which is read already"]);
      await rm(join(folder, "current"));
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
      const made = await execa("mknod", [join(folder, "x.yaml"), "c", "1", "5"], { reject: false });
      if (made.failed) this.skip();
      assert.match((await scan()).problems.join(), /^x\.yaml: it is a device; only regular files are read$/);
    });

    it("says one sentence on a socket", async () => {
      const server = createServer().listen(join(folder, "x.yaml"));
      await new Promise((resolve) => server.once("listening", resolve));
      const { problems } = await scan();
      server.close();
      assert.deepEqual(problems, ["x.yaml: it is a socket; only regular files are read"]);
    });

    it("keeps what was a file before", async () => {
      await write("x.yaml", model);
      await scan();
      await rm(join(folder, "x.yaml"));
      await execa("mkfifo", [join(folder, "x.yaml")]);
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), snapshot.synced], [[LLAMA], false]);
    });
  });

  describe("on a disk that hangs", () => {
    const never = new Promise<never>(() => {});
    /** What hangs now: sub-folders and files, by their name. */
    let hung: Set<string>;
    let begun: string[];
    let release: Map<string, () => void>;

    beforeEach(async () => {
      hung = new Set();
      begun = [];
      release = new Map();
      const hangs = async (path: string) => {
        const name = relative(folder, path);
        begun.push(name);
        if (!hung.has(name)) return;
        await Promise.race([never, new Promise<void>((resolve) => release.set(name, resolve))]);
      };
      scanner = folderScanner({
        folder,
        clock: () => {
          now += MISSED_MS;
          return now;
        },
        waitMs: 30,
        access: {
          readFolder: async (path) => {
            await hangs(path);
            return readFolder(path);
          },
          readFile: async (path, known) => {
            await hangs(path);
            return readManifestFile(path, known);
          },
        },
      });
    });

    const SAID = /has taken more than \d+ s: its disk may be away$/;

    it("keeps what a file held, goes on reading the others, and begins no second look at it", async () => {
      await write("a.yaml", model);
      await write("b.yaml", service);
      await scan();
      hung.add("a.yaml");
      await write("b.yaml", serviceOf("other"));
      const snapshot = await scan();
      assert.deepEqual(keys(snapshot), ["InferenceService default/other", LLAMA]);
      assert.equal(snapshot.synced, true);
      assert.match(snapshot.problems.join(), SAID);
      begun.length = 0;
      for (let looks = 0; looks < 5; looks += 1) await scan();
      assert.deepEqual(
        begun.filter((name) => name === "a.yaml"),
        [],
      );
      hung.clear();
      release.get("a.yaml")?.();
      await sleep(20);
      const after = await scan();
      assert.deepEqual([keys(after), after.problems], [["InferenceService default/other", LLAMA], []]);
    });

    it("calls nothing gone because of a file that it has never read", async () => {
      hung.add("a.yaml");
      await write("a.yaml", model);
      await write("b.yaml", service);
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), snapshot.synced], [[CHAT], false]);
    });

    it("keeps what a sub-folder held, and what the folder itself held", async () => {
      await write("sub/a.yaml", model);
      await write("b.yaml", service);
      await scan();
      hung.add("sub");
      const partly = await scan();
      assert.deepEqual([keys(partly), partly.synced], [[CHAT, LLAMA], false]);
      assert.match(partly.problems.join(), SAID);
      hung.add("");
      const whole = await scan();
      assert.deepEqual([keys(whole), whole.synced], [[CHAT, LLAMA], false]);
      assert.match(
        whole.problems.join(),
        /looking at .* its disk may be away; what was last read there stays in force$/,
      );
    });

    it("has two calls under way at most, however many files hang", async () => {
      for (let index = 0; index < 20; index += 1) {
        const name = `f${index}.yaml`;
        await write(name, serviceOf(`s${index}`));
        hung.add(name);
      }
      const snapshot = await scan();
      assert.equal(release.size, 2);
      assert.deepEqual([keys(snapshot), snapshot.synced, snapshot.problems.length], [[], false, 20]);
    });
  });
});
