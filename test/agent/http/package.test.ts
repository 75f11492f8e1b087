import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import * as z from "zod";
import { readPage } from "../../../agent/http/page.ts";

const ROOT = join(import.meta.dirname, "../../..");
const packedSchema = z.array(z.object({ files: z.array(z.object({ path: z.string() })) })).length(1);

describe("the status page in the package", function () {
  this.timeout(60_000);

  it("is served whole, and every file of it is packed", async () => {
    const page = await readPage();
    assert(page.ok);
    const files = await readdir(join(ROOT, "agent/http/page"));
    const served = [...page.value.keys()].map((path) => (path === "/" ? "index.html" : path.slice(1)));
    assert.deepEqual(served.sort(), [...files, "shared.js"].sort());
    const { stdout } = await execa("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], { cwd: ROOT });
    const packed = packedSchema.parse(JSON.parse(stdout)).flatMap((each) => each.files.map(({ path }) => path));
    for (const file of files) assert(packed.includes(`agent/http/page/${file}`), file);
  });

  it("loads nothing that is not its own", async () => {
    const page = await readPage();
    assert(page.ok);
    const paths = new Set(page.value.keys());
    for (const [path, { body }] of page.value) {
      const text = body.toString();
      for (const [, , target = ""] of text.matchAll(/(src|href|from|url\()\s*=?\s*"([^"$]+)"/g)) {
        const found = target.startsWith("/api/") || paths.has(new URL(target, "http://localhost/").pathname);
        assert(found, `${path} names ${target}`);
      }
    }
  });
});
