import assert from "node:assert/strict";
import { chmod, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { awakeClock } from "../../../agent/lifecycle/awake-clock.ts";
import { MISSED_MS } from "../../../agent/sources/directory/scan.ts";
import type { Snapshot } from "../../../agent/sources/directory/snapshot.ts";
import { both, CHAT, faulty, keys, LLAMA, manifestFolder, model, service, serviceOf } from "./manifest-folder.ts";

const API = "inference.llmkube.dev/v1alpha1";
const NOBODY = 65_534;

describe("a folder of manifests in which something is missing", () => {
  const { path, write, scan, look, sooner, open } = manifestFolder();

  it("keeps what was in force where the folder is replaced by an empty one, as by an unmounted disk, until it is back", async () => {
    await write("one.yaml", both);
    await scan();
    await rename(path(), `${path()}.mounted`);
    await mkdir(path());
    const away = await scan();
    assert.deepEqual([keys(away), away.synced], [[CHAT, LLAMA], false]);
    assert.match(
      away.problems.join(),
      /is another folder than before, and an empty one.*; what was last read there stays in force$/,
    );
    await rm(path(), { recursive: true });
    await rename(`${path()}.mounted`, path());
    const back = await scan();
    assert.deepEqual([keys(back), back.synced, back.problems], [[CHAT, LLAMA], true, []]);
    await rm(path("one.yaml"));
    assert.deepEqual(keys(await scan()), []);
  });

  it("keeps what is missing from a file that is written in two parts", async () => {
    await write("one.yaml", both);
    await scan();
    sooner(MISSED_MS);
    await write("one.yaml", model);
    const first = await look();
    sooner(MISSED_MS);
    const second = await look();
    assert.deepEqual(
      [keys(first.snapshot), keys(second.snapshot)],
      [
        [CHAT, LLAMA],
        [CHAT, LLAMA],
      ],
    );
    assert.deepEqual(keys((await look()).snapshot), [LLAMA]);
  });

  it("keeps the version in force while a file grows that was slow to be written", async () => {
    const [half, longer, whole] = [
      "http",
      "https://models.example/llama.gguf\n",
      "https://models.example/l.gguf\n# end\n",
    ];
    const begin = `apiVersion: ${API}\nkind: Model\nmetadata: {name: llama}\nspec:\n  source: `;
    const sourceOf = ({ manifests }: Snapshot) => manifests.get(LLAMA)?.spec;
    await write("one.yaml", `${begin}${whole}`);
    await scan();
    await write("one.yaml", `${begin}${half}`);
    const slow = await scan();
    assert.match(JSON.stringify(sourceOf(slow)), /"http"/);
    await write("one.yaml", `${begin}${longer}`);
    const grown = await look();
    assert.deepEqual([sourceOf(grown.snapshot), grown.doubtful], [sourceOf(slow), true]);
    assert.match(JSON.stringify(sourceOf(await scan())), /llama\.gguf/);
  });

  it("keeps what was missed as the lid was closed: whoever writes it slept too", async () => {
    let now = 0;
    open({ clock: awakeClock(() => now) });
    await write("one.yaml", both);
    await look();
    await write("one.yaml", model);
    assert.equal((await look()).doubtful, true);
    now += 8 * 3_600_000;
    assert.deepEqual(keys((await look()).snapshot), [CHAT, LLAMA]);
    now += MISSED_MS;
    assert.deepEqual(keys((await look()).snapshot), [LLAMA]);
  });

  it("does not miss a file that is renamed, nor one that is in neither folder for one look", async () => {
    await write("a/one.yaml", both);
    await scan();
    await rename(path("a/one.yaml"), path("a/two.yaml"));
    assert.deepEqual(keys((await look()).snapshot), [CHAT, LLAMA]);
    await rename(path("a/two.yaml"), path("../two.yaml"));
    const missed = await look();
    assert.deepEqual([keys(missed.snapshot), missed.doubtful], [[CHAT, LLAMA], true]);
    await write("b/x.yaml", "{}");
    await rename(path("../two.yaml"), path("b/two.yaml"));
    const back = await look();
    assert.deepEqual([keys(back.snapshot), back.doubtful], [[CHAT, LLAMA], false]);
  });

  it("keeps everything while it is away (LLMKube trap T6)", async () => {
    await write("a.yaml", both);
    await write("b.yaml", serviceOf("bad", { contextSize: 1 }));
    const before = await scan();
    await rename(path(), `${path()}-away`);
    const away = await scan();
    assert.deepEqual(away.problems, [
      `${path()} does not exist: waiting for it; what was last read there stays in force`,
    ]);
    assert.deepEqual([away.manifests, away.unreadable, away.synced], [before.manifests, before.unreadable, false]);
    await rm(join(`${path()}-away`, "a.yaml"));
    await rename(`${path()}-away`, path());
    const back = await scan();
    assert.deepEqual([keys(back), faulty(back), back.synced], [[], ["InferenceService default/bad"], true]);
  });

  it("keeps what a sub-folder held while it cannot be listed", async () => {
    await write("sub/a.yaml", model);
    await write("b.yaml", service);
    await scan();
    await rm(path("b.yaml"));
    await chmod(path(".."), 0o755);
    await chmod(path("sub"), 0);
    // Root may list everything.
    if (process.getuid?.() === 0) process.seteuid?.(NOBODY);
    try {
      const snapshot = await scan();
      assert.deepEqual([keys(snapshot), snapshot.synced], [[LLAMA], false]);
      assert.deepEqual(snapshot.problems, ["sub cannot be read (EACCES): check its permissions"]);
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0);
      await chmod(path("sub"), 0o755);
    }
  });
});
