import { readFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commentsIn } from "./comments.ts";
import { completed, type Manifest } from "./complete.ts";
import { inferredSchema } from "./infer.ts";
import { publicTypeFiles } from "./public-types.ts";

const CHECKOUT = join(import.meta.dirname, "..", "..");

/** The content of schema.json: what other languages are generated from. */
export function schemaText(): string {
  const manifest: Manifest = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
  const schema = completed(inferredSchema(CHECKOUT, manifest), commentsIn(join(CHECKOUT, "components")), manifest);
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** What is generated from the components, by its path in the checkout. */
export async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const types = [...(await publicTypeFiles())].map(([file, text]) => [`components/generated/${file}`, text] as const);
  return new Map([...types, ["schema.json", schemaText()]]);
}

if (import.meta.main) {
  for (const [path, text] of await generatedFiles()) {
    const file = join(CHECKOUT, path);
    if ((await readFile(file, "utf8").catch(() => undefined)) === text) continue;
    await writeFile(file, text);
    console.log(`${path} written`);
  }
}
