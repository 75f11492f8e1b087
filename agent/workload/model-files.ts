import type { Model } from "../../api/model.ts";
import type { ServedFiles } from "../../memory/served.ts";
import type { ModelPaths } from "../llama-server/flags.ts";
import type { Manifest } from "./manifest.ts";

/** A file as a Model names it: a path or an address. */
export interface ModelFile {
  readonly source: string;
  /** Lower case; undefined: not checked. */
  readonly sha256: string | undefined;
}

/** The weights of a model, and the files that it is served with beside them. */
export interface ModelFiles extends ModelFile {
  readonly mmproj?: ModelFile;
  readonly draft?: ModelFile;
}

/** @param draft the Model that drafts for it */
export function filesOf(model: Model, draft: Model | undefined): ModelFiles {
  const { mmproj } = model.spec;
  return {
    ...fileOf(model),
    ...(mmproj !== undefined && { mmproj: { source: mmproj, sha256: undefined } }),
    ...(draft !== undefined && { draft: fileOf(draft) }),
  };
}

function fileOf({ spec }: Model): ModelFile {
  return { source: spec.source, sha256: spec.sha256?.toLowerCase() };
}

/** The same, by what each file is for. */
export function servedFiles({ mmproj, draft, ...model }: ModelFiles): ServedFiles<ModelFile> {
  return { model, mmproj, draft };
}

/** Stands for the paths while the files are not here: the same sources make the same command line. */
export function sourcesOf({ source, mmproj, draft }: ModelFiles): ModelPaths {
  return { model: source, ...(mmproj && { mmproj: mmproj.source }), ...(draft && { draft: draft.source }) };
}

/** Every file that a Model names, served or not. */
export function wantedFiles(manifests: readonly Manifest[]): readonly ModelFile[] {
  const files = manifests.flatMap((manifest) => (manifest.kind === "Model" ? [filesOf(manifest, undefined)] : []));
  return files.flatMap(({ mmproj, ...model }) => (mmproj === undefined ? [model] : [model, mmproj]));
}
