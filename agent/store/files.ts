import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { type ShardFile, shardFiles } from "../../gguf/shards.ts";

/** A file of a model: where it comes from, and its path once it is downloaded. */
export interface ModelFile {
  readonly source: string;
  readonly path: string;
}

/** The files of a model, the named one first. */
export type ModelFiles = readonly [ModelFile, ...ModelFile[]];

/** A model as a manifest names it. */
export interface ModelSource {
  readonly source: string;
  /** In lower case; undefined if it is not checked. */
  readonly sha256: string | undefined;
}

/** Identifies a model in the folder: the names of all its files begin with this key. A name with a sha256 tells that it was checked. */
export function modelKey(source: string, sha256: string | undefined): string {
  return createHash("sha256")
    .update(`${source}\n${sha256 ?? ""}`)
    .digest("hex")
    .slice(0, 16);
}

/** The key at the beginning of a file name; undefined for a file that is not the store's. */
export function keyOfFile(name: string): string | undefined {
  return /^([0-9a-f]{16})-/.exec(name)?.[1];
}

/** The files of a downloaded model. A split model has one per shard; llama-server opens the first. */
export function modelFiles(folder: string, source: string, sha256: string | undefined): ModelFiles {
  const key = modelKey(source, sha256);
  const fileOf = (file: ShardFile): ModelFile => ({
    source: file.source,
    path: join(folder, `${key}-${plainName(file.name ?? nameIn(file.source))}`),
  });
  const [first, ...later] = shardFiles(source);
  return [fileOf(first), ...later.map(fileOf)];
}

/** Where it is noted which versions of the source were seen. */
export function versionsPath(folder: string, source: string): string {
  return join(folder, `${modelKey(source, undefined)}-versions.json`);
}

function nameIn(source: string): string {
  return basename(source.replace(/[?#].*$/s, ""));
}

/** A file name made safe. It keeps its end, because llama.cpp recognises shards by the number there. */
function plainName(name: string): string {
  return name.replace(/[^\w.-]/g, "_").slice(-100);
}
