import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commentsIn } from "./comments.ts";
import { completed, type Manifest } from "./complete.ts";
import { inferredSchema } from "./infer.ts";

const CHECKOUT = join(import.meta.dirname, "..", "..");

/** The content of schema.json: what other languages are generated from. */
export function schemaText(): string {
  const manifest: Manifest = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
  const schema = completed(inferredSchema(CHECKOUT, manifest), commentsIn(join(CHECKOUT, "components")), manifest);
  return `${JSON.stringify(schema, null, 2)}\n`;
}

if (import.meta.main) {
  const file = join(CHECKOUT, "schema.json");
  const text = schemaText();
  if ((await readFile(file, "utf8").catch(() => undefined)) !== text) {
    await writeFile(file, text);
    console.log("schema.json written");
  }
}
