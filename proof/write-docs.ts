import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { docsWith, RECORD, recordWith } from "./docs.ts";
import { recordSchema, runSchema } from "./record.ts";

/** Adds a run to the committed record, and writes it into the docs. Returns what it did; throws where the run proves nothing. */
export function writeDocs(root: string, proof: string): string {
  const run = runSchema.parse(JSON.parse(readFileSync(proof, "utf8")));
  const record = recordWith(recordSchema.parse(JSON.parse(readFileSync(join(root, RECORD), "utf8"))), run);
  writeFileSync(join(root, RECORD), `${JSON.stringify(record, null, 2)}\n`);
  const pages = docsWith(record, (page) => readFileSync(join(root, page), "utf8"));
  for (const [page, text] of pages) writeFileSync(join(root, page), text);
  return `wrote ${[RECORD, ...pages.keys()].join(", ")}`;
}
