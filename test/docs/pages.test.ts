import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { generatedPages } from "../../docs/generate.ts";

const DOCS = join(import.meta.dirname, "../../docs");

describe("the generated pages", () => {
  it("say what the definitions say, one page a policy and a component", async () => {
    const pages = await generatedPages();
    assert.ok(pages.size > 25, `only ${pages.size} pages`);
    for (const [path, text] of pages) {
      const written = await readFile(join(DOCS, path), "utf8").catch(() => "");
      assert.equal(written, text, `docs/${path} differs; run npm run generate and commit the result`);
    }
  });

  it("are all that is in their folders", async () => {
    const pages = await generatedPages();
    for (const folder of ["policies", "components"]) {
      const files = (await readdir(join(DOCS, folder))).map((name) => `${folder}/${name}`);
      assert.deepEqual(
        files.filter((file) => !pages.has(file)),
        [],
      );
    }
  });
});
