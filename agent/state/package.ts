import { createRequire } from "node:module";
import { dirname, join } from "node:path";

// Resolved by the package's own name, so that it works from source and from dist.
const require = createRequire(import.meta.url);
const MANIFEST = "pulumi-llmkube/package.json";

/** The version in package.json; `unknown` if it has none. */
export function packageVersion(): string {
  const manifest: unknown = require(MANIFEST);
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined;
  return typeof version === "string" ? version : "unknown";
}

/** Absolute path of a file or folder that package.json lists under "files". */
export function packagePath(relative: string): string {
  return join(dirname(require.resolve(MANIFEST)), relative);
}
