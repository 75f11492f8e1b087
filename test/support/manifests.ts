import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { isFields } from "../../api/document.ts";

const folder = join(import.meta.dirname, "..", "fixtures", "manifests");

/** Good manifests by file name, as a YAML parser returns them; together they set every field of the API. */
export function goodManifests(): ReadonlyArray<readonly [name: string, manifest: Readonly<Record<string, unknown>>]> {
  return readdirSync(folder).map((name) => {
    const manifest: unknown = parse(readFileSync(join(folder, name), "utf8"));
    if (!isFields(manifest)) throw new Error(`${name} holds no manifest`);
    return [name, manifest] as const;
  });
}

/** The least that each kind needs, with more in its spec where given. */
export function modelManifest(spec: object = {}, name = "llama"): Readonly<Record<string, unknown>> {
  return manifest("Model", name, { source: "/models/llama.gguf", ...spec });
}

export function serviceManifest(spec: object = {}): Readonly<Record<string, unknown>> {
  return manifest("InferenceService", "chat", { modelRef: "llama", ...spec });
}

function manifest(kind: string, name: string, spec: object): Readonly<Record<string, unknown>> {
  return { apiVersion: "inference.llmkube.dev/v1alpha1", kind, metadata: { name }, spec };
}
