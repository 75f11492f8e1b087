import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crdFiles } from "./crd-files.ts";

/**
 * `npm run generate` writes crds/ from the schemas. `npm run generate -- --check` only checks whether they agree, and
 * exits with 1 if they do not.
 */
const folder = join(import.meta.dirname, "..", "crds");
const check = process.argv.includes("--check");

for (const [name, content] of crdFiles()) {
  const path = join(folder, name);
  const current = await readFile(path, "utf8").catch(() => undefined);
  if (current === content) continue;
  if (check) {
    console.error(`crds/${name} differs from what api/ defines; run npm run generate and commit the result`);
    process.exitCode = 1;
  } else {
    await writeFile(path, content);
    console.log(`crds/${name} written`);
  }
}
