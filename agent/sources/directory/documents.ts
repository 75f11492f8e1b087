import { parseAllDocuments } from "yaml";
import { isFields } from "../../../api/document.ts";
import { isOfThisApi } from "../../../api/identity.ts";
import { parseManifest } from "../../../api/parse.ts";
import { fail, ok, type Result } from "../../../api/result.ts";
import type { Manifest } from "../../workload/manifest.ts";

/** The manifests of one file, or why each of them could not be used. */
export interface FileContent {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly string[];
}

/** Aliases of a YAML file that may be followed: none is needed, and each can multiply what is read. */
const MAX_ALIASES = 100;

/**
 * The manifests of this API in a YAML text: several documents, `kind: List` taken apart, other APIs' objects passed over.
 * Fails where the text is no YAML at all, or holds nothing: a file that is being written looks like that.
 */
export function readDocuments(file: string, text: string): Result<FileContent> {
  if (text.trim() === "") return fail(`${file}: it is empty; remove the file or write a manifest into it`);
  const objects: unknown[] = [];
  try {
    for (const document of parseAllDocuments(text)) {
      const [error] = document.errors;
      if (error !== undefined) return fail(`${file}: no valid YAML: ${error.message.split("\n", 1)[0]}`);
      objects.push(document.toJS({ maxAliasCount: MAX_ALIASES }));
    }
  } catch (error) {
    return fail(`${file}: no valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const manifests: Manifest[] = [];
  const problems: string[] = [];
  for (const object of objects.flatMap(listItems).filter(isOfThisApi)) {
    const parsed = parseManifest(object);
    if (parsed.ok) manifests.push(parsed.value);
    else problems.push(`${file}: ${parsed.error}`);
  }
  return ok({ manifests, problems });
}

function listItems(object: unknown): readonly unknown[] {
  const isList = isFields(object) && object["apiVersion"] === "v1" && object["kind"] === "List";
  return isList && Array.isArray(object["items"]) ? object["items"] : [object];
}
