import assert from "node:assert/strict";
import type { Stats } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Look } from "../../../agent/files/looks.ts";
import { openWeights, type Weights } from "../../../agent/node/weights.ts";
import { weightsKey } from "../../../api/fleet.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const A = { source: "https://example.com/a.gguf" };
const found = (size: number): Look => ({ state: "found", stats: { size } as Stats });
const missing: Look = { state: "missing", code: "ENOENT" };

describe("the weights that a Mac holds", () => {
  let folder: string;
  let disk: Record<string, Look>;
  const open = () =>
    openWeights(folder, { look: (path) => disk[path] ?? missing, lookNow: async () => {} }, (message) =>
      assert.fail(message),
    );
  const told = (weights: Weights) => weights.told().map(({ key, bytes }) => [key, bytes]);
  const written = (says: string) =>
    untilTrue(
      "it is written",
      () => readFile(join(folder, "weights.json"), "utf8"),
      (text) => text.includes(says),
      { everyMs: 20 },
    );

  beforeEach(async () => {
    folder = await temporaryDirectory();
    disk = { "/m/a.gguf": found(100) };
  });

  it("are those that are served, with the sizes of all their files", async () => {
    const split = { source: "https://example.com/b-00001-of-00002.gguf", mmproj: "https://example.com/p.gguf" };
    Object.assign(disk, {
      "/m/b-00001-of-00002.gguf": found(10),
      "/m/b-00002-of-00002.gguf": found(20),
      "/m/p.gguf": found(5),
    });
    const weights = await open();
    weights.refresh([
      { weights: split, paths: ["/m/b-00001-of-00002.gguf", "/m/p.gguf"] },
      { weights: A, paths: ["/m/a.gguf"] },
    ]);
    assert.deepEqual(told(weights), [
      [weightsKey(A), 100],
      [weightsKey(split), 35],
    ]);
  });

  it("stay told when nothing serves them any more, and by the next agent before it has looked", async () => {
    const weights = await open();
    weights.refresh([{ weights: A, paths: ["/m/a.gguf"] }]);
    weights.refresh([]);
    assert.deepEqual(told(weights), [[weightsKey(A), 100]]);
    await written('"bytes":100');
    disk = { "/m/a.gguf": { state: "looking" } };
    const next = await open();
    next.refresh([]);
    next.refresh([]);
    assert.deepEqual(told(next), [[weightsKey(A), 100]]);
  });

  it("are gone when two looks in a row find a file gone, and there again with it", async () => {
    const weights = await open();
    weights.refresh([{ weights: A, paths: ["/m/a.gguf"] }]);
    disk = {};
    weights.refresh([]);
    assert.deepEqual(told(weights), [[weightsKey(A), 100]]);
    weights.refresh([]);
    assert.deepEqual(told(weights), []);
    disk = { "/m/a.gguf": found(120) };
    weights.refresh([]);
    assert.deepEqual(told(weights), [[weightsKey(A), 120]]);
  });

  it("are not told before they were seen, nor while a disk hangs that was never read", async () => {
    const weights = await open();
    disk = { "/m/a.gguf": { state: "looking", message: "its disk may be away" } };
    for (let looks = 0; looks < 5; looks += 1) weights.refresh([{ weights: A, paths: ["/m/a.gguf"] }]);
    assert.deepEqual(told(weights), []);
  });

  it("are nobody's guess where the file of the state folder is damaged", async () => {
    for (const text of ["{", '{"x":{"paths":["/a"]}}', '{"0123456789abcdef":{"paths":[]}}', "[]"]) {
      await writeFile(join(folder, "weights.json"), text);
      assert.deepEqual(told(await open()), []);
    }
  });
});
