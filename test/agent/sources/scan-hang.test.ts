import assert from "node:assert/strict";
import { relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readFolder } from "../../../agent/sources/directory/list.ts";
import { readManifestFile } from "../../../agent/sources/directory/read-file.ts";

import { CHAT, keys, LLAMA, manifestFolder, model, service, serviceOf } from "./manifest-folder.ts";

describe("a folder of manifests on a disk that hangs", () => {
  const { path: at, open, write, scan } = manifestFolder();
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
      const name = relative(at(), path);
      begun.push(name);
      if (!hung.has(name)) return;
      await Promise.race([never, new Promise<void>((resolve) => release.set(name, resolve))]);
    };
    open({
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
    assert.match(whole.problems.join(), /looking at .* its disk may be away; what was last read there stays in force$/);
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
