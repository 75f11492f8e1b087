import { createRequire } from "node:module";

/** The version in package.json, found by the package's own name so that it holds from source and from dist alike. */
export function packageVersion(): string {
  const manifest: unknown = createRequire(import.meta.url)("pulumi-llmkube/package.json");
  const version =
    typeof manifest === "object" && manifest !== null && "version" in manifest ? manifest.version : undefined;
  return typeof version === "string" ? version : "unknown";
}
