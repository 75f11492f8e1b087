import { createHash } from "node:crypto";
import { basename, join } from "node:path";
import { shardSources } from "../../gguf/shards.ts";

/** A file of a model: where it comes from, and where it is once it is whole. */
export interface ModelFile {
  readonly source: string;
  readonly path: string;
}

/** A model as it is asked for. */
export interface ModelSource {
  readonly source: string;
  /** Lower case; undefined: not checked. */
  readonly sha256: string | undefined;
}

/** What tells models of one folder apart; all files of one begin with it. */
export function modelKey(source: string, sha256: string | undefined): string {
  return createHash("sha256")
    .update(`${source}\n${sha256 ?? ""}`)
    .digest("hex")
    .slice(0, 16);
}

/** The key at the beginning of a file's name; undefined for what is not the store's. */
export function keyOfFile(name: string): string | undefined {
  return /^([0-9a-f]{16})-/.exec(name)?.[1];
}

/** The files of a model that is downloaded, the one that is served first; a split model has one for each shard. */
export function modelFiles(
  folder: string,
  source: string,
  sha256: string | undefined,
): readonly [ModelFile, ...ModelFile[]] {
  const key = modelKey(source, sha256);
  const fileOf = (shard: string): ModelFile => ({ source: shard, path: join(folder, `${key}-${plainName(shard)}`) });
  const [first, ...later] = shardSources(source);
  return [fileOf(first), ...later.map(fileOf)];
}

/** Recognisable to a person, and to llama.cpp where it ends in the number of a shard. */
function plainName(source: string): string {
  return basename(source.replace(/[?#].*$/s, ""))
    .replace(/[^\w.-]/g, "_")
    .slice(-100);
}
