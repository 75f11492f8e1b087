import { stringify } from "yaml";
import { customResourceDefinitions } from "./crd.ts";

const HEADER = " Generated from api/ by `npm run generate`; do not edit.";

/** The file name in crds/ and the content of each CustomResourceDefinition. The result is the same bytes each time. */
export function crdFiles(): ReadonlyMap<string, string> {
  const files = [...customResourceDefinitions()].map(([name, crd]): [string, string] => [
    name,
    `#${HEADER}\n${stringify(crd, { sortMapEntries: true, lineWidth: 120 })}`,
  ]);
  return new Map(files);
}
