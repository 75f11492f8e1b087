import assert from "node:assert/strict";
import { rename, rm, writeFile } from "node:fs/promises";
import type { Snapshot } from "../../../agent/sources/directory/snapshot.ts";
import { modelManifest } from "../../support/manifests.ts";

import {
  both,
  CHAT,
  faulty,
  keys,
  LLAMA,
  manifestFolder,
  model,
  modelOf,
  service,
  serviceOf,
} from "./manifest-folder.ts";

describe("a folder of manifests", () => {
  const { path, write, scan } = manifestFolder();

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
    await rm(path(), { recursive: true });
    const away = await scan();
    assert.deepEqual([away.synced, away.problems], [false, [`${path()} does not exist: waiting for it`]]);
    await writeFile(path(), "");
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
      await rm(path("a.yaml"));
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
        await rm(path("b.yaml"));
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
      ["the mark of a document alone", "---\n", /^a\.yaml: it is empty; remove the file or write a manifest/],
      ["a directive alone", "%YAML 1.2\n", /^a\.yaml: it is empty; remove the file or write a manifest/],
      ["one lone word", "oops", /^a\.yaml: A document is "oops"; it must be a manifest/],
      ["NUL bytes", Buffer.alloc(text.length), /^a\.yaml: it holds nothing but NUL bytes, as after a crash/],
      ["NUL bytes at the end", `${text}\0\0`, /^a\.yaml: it has a NUL, which no text has; save it as UTF-8/],
      [
        "half a character of UTF-16",
        Buffer.from(`\ufeff${text}`, "utf16le").subarray(0, -1),
        /ends within a character/,
      ],
      [
        "UTF-32",
        Buffer.from(`\ufeff\0${[...text].join("\0")}\0`, "utf16le"),
        /^a\.yaml: it is UTF-32; save it as UTF-8/,
      ],
      [
        "Latin-1",
        Buffer.from(`${text}# \u00e4`, "latin1"),
        /^a\.yaml: it is not text in UTF-8 or UTF-16; save it as UTF-8/,
      ],
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
        await rm(path("b.yaml"));
        const snapshot = await scan();
        assert.deepEqual(keys(snapshot), [CHAT, LLAMA], "another file's deletion counts");
        assert.equal(snapshot.synced, false);
        assert.equal(snapshot.problems.length, 1);
        assert.match(snapshot.problems[0] ?? "", problem);
        assert.match(snapshot.problems[0] ?? "", /; its last good version stays in force$/);
        await write("a.yaml", both);
        const mended = await scan();
        assert.deepEqual([mended.synced, mended.problems], [true, []]);
        await rm(path("a.yaml"));
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
      await rename(path("a.yaml"), path("b.yaml"));
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

  it("is not read where it is hidden", async () => {
    for (const name of [".Trashes/x.yaml", "sub/.git/x.yaml", ".x.yaml", "sub/.x.yaml"]) await write(name, "kind: [");
    await write("sub/a.yaml", model);
    const snapshot = await scan();
    assert.deepEqual([keys(snapshot), snapshot.problems, snapshot.synced], [[LLAMA], [], true]);
  });
});
