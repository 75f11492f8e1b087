import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { crdFiles } from "../../api/crd-files.ts";
import { committedCrdText } from "../support/crds.ts";

const root = join(import.meta.dirname, "..", "..");

describe("crds/", () => {
  it("holds the generated files and nothing else", () => {
    assert.deepEqual(readdirSync(join(root, "crds")).sort(), [...crdFiles().keys()].sort());
  });

  for (const [name, generated] of crdFiles()) {
    it(`${name} is what api/ defines (else: npm run generate)`, () => {
      assert.equal(committedCrdText(name), generated);
    });
  }

  it("is the same each time", () => assert.deepEqual([...crdFiles()], [...crdFiles()]));

  it("passes npm run generate -- --check", async () => {
    const { stdout, exitCode } = await execa(process.execPath, [join(root, "api", "generate.ts"), "--check"]);
    assert.deepEqual({ stdout, exitCode }, { stdout: "", exitCode: 0 });
  }).timeout(60_000);
});
