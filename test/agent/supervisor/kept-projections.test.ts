import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectionsPath } from "../../../agent/state/layout.ts";
import { keptProjections } from "../../../agent/supervisor/kept-projections.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("the kept projections", () => {
  const key = (number: number) => String(number).padStart(64, "0");
  const newPath = async () => projectionsPath(await temporaryDirectory());

  it("are there after a restart, and no more than 256 of them", async () => {
    const path = await newPath();
    const kept = keptProjections(path);
    for (let number = 0; number < 300; number += 1) kept.keep(key(number), number + 1);
    const again = keptProjections(path);
    assert.deepEqual([again.of(key(43)), again.of(key(44)), again.of(key(299))], [undefined, 45, 300]);
  });

  const bad: readonly (readonly [what: string, text: string])[] = [
    ["nothing", ""],
    ["no JSON", "{"],
    ["another version", JSON.stringify({ version: 2, answers: [[key(1), 5]] })],
    ["bytes that are no number", JSON.stringify({ version: 1, answers: [[key(1), "5"]] })],
    ["bytes below zero", JSON.stringify({ version: 1, answers: [[key(1), -5]] })],
    ["too much", JSON.stringify({ version: 1, answers: [[key(1), 5]], more: "x".repeat(2 ** 20) })],
  ];
  for (const [what, text] of bad) {
    it(`are none where the file holds ${what}, and the next answer mends it`, async () => {
      const path = await newPath();
      await writeFile(path, text);
      const kept = keptProjections(path);
      assert.equal(kept.of(key(1)), undefined);
      kept.keep(key(2), 7);
      assert.equal(keptProjections(path).of(key(2)), 7);
    });
  }

  it("are all there beside one of a model so small that each row of its table is 0 MiB", async () => {
    const path = await newPath();
    const kept = keptProjections(path);
    kept.keep(key(1), 5);
    kept.keep(key(2), 0);
    const again = keptProjections(path);
    assert.deepEqual([again.of(key(1)), again.of(key(2))], [5, 0]);
  });

  it("are kept in memory where the file cannot be written", async () => {
    const kept = keptProjections(join(await temporaryDirectory(), "no", "such", "folder", "file"));
    kept.keep(key(1), 5);
    assert.equal(kept.of(key(1)), 5);
  });
});
