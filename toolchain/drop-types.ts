import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import ts from "typescript";
import packageJson from "../package.json" with { type: "json" };

const ROOT = join(import.meta.dirname, "..");
const DIST = join(ROOT, "dist");

// Of all types a program can reach those that the package exports, and what they are made of. The others would be a tenth of the tarball.
const entries = [packageJson.exports["."], packageJson.exports["./policies"]].map(({ types }) => join(ROOT, types));
const reached = new Set(entries);
// A set goes on with what is added to it meanwhile.
for (const path of reached) {
  const { importedFiles } = ts.preProcessFile(await readFile(path, "utf8"));
  const own = importedFiles.filter(({ fileName }) => fileName.startsWith("."));
  for (const { fileName } of own) reached.add(join(dirname(path), fileName.replace(/\.[jt]s$/, ".d.ts")));
}
for (const file of await readdir(DIST, { recursive: true })) {
  const path = join(DIST, file);
  if (file.endsWith(".d.ts") && !reached.has(path)) await rm(path);
}
