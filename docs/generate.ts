import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { componentPages } from "./pages/components.ts";
import { policyPages } from "./pages/policies.ts";

/** The pages that are generated, by their path in docs/. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  const policies = [...(await policyPages())].map(([file, text]) => [`policies/${file}`, text] as const);
  const components = [...componentPages()].map(([file, text]) => [`components/${file}`, text] as const);
  return new Map([...policies, ...components]);
}

/** Run after components/schema/generate.ts, which writes what the pages of the components are made of. */
if (import.meta.main) {
  for (const [path, text] of await generatedPages()) {
    const file = join(import.meta.dirname, path);
    if ((await readFile(file, "utf8").catch(() => undefined)) === text) continue;
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
    console.log(`docs/${path} written`);
  }
}
