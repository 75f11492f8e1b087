import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { transform } from "esbuild";

const DIST = join(import.meta.dirname, "../dist");

// A sixth of the tarball would be comments of the sources. Those of the public types stay: they are in the .d.ts files.
for (const file of await readdir(DIST, { recursive: true })) {
  if (!file.endsWith(".js")) continue;
  const path = join(DIST, file);
  const { code } = await transform(await readFile(path, "utf8"), { target: "esnext", legalComments: "none" });
  await writeFile(path, code);
}
