import { stringify } from "yaml";
import type { ManifestObject } from "./manifest-object.ts";

/** Documents that `kubectl apply -f -` takes, below lines of comment. The result is the same bytes each time. */
export function manifestsYaml(objects: readonly ManifestObject[], comment: readonly string[]): string {
  const lines = comment.map((line) => (line === "" ? "#" : `# ${line}`));
  const documents = objects.map((object) => `---\n${stringify(object, { lineWidth: 0 })}`);
  return `${lines.join("\n")}\n${documents.join("")}`;
}
