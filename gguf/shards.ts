import { quoted } from "../api/plain-text.ts";
import { fail, ok, type Result } from "../api/result.ts";
import type { GgufHeader, GgufTensor, Unconfirmed } from "./header.ts";
import { firstShardOf, shardName } from "./shard-names.ts";

/** Above every split in use; more would only be a way to keep a reader busy. */
const MAX_SHARDS = 128;
/** Above every model in use, over all its shards. */
const MAX_SPLIT_TENSORS = 2 ** 13;

/**
 * The sources of the second and later shards of the model that `source` begins; none where it is not split. Refuses a
 * header that is not the first shard's, as llama.cpp does, and a name that does not tell where the others are.
 */
export function laterShards(source: string, header: GgufHeader): Result<readonly string[]> {
  const count = header.metadata.get("split.count") ?? 1;
  if (typeof count !== "number" || !Number.isInteger(count) || count < 0 || count > MAX_SHARDS) {
    return fail(`key "split.count" holds no number of shards from 1 to ${MAX_SHARDS}`);
  }
  if (count <= 1) return ok([]);
  const index = header.metadata.get("split.no");
  if (index !== 0)
    return fail(`it is not the first of ${count} shards: name the file that ends in ${shardName(1, count)}`);
  const named = firstShardOf(source);
  if (named?.count !== count) {
    return fail(`it is the first of ${count} shards, but its name does not end in ${shardName(1, count)}`);
  }
  return ok(numbersAfterFirst(count).map(named.sourceOf));
}

/** A file of a model. */
export interface ShardFile {
  readonly source: string;
  /** As its source names it, number included; undefined where the model is not split. */
  readonly name: string | undefined;
}

/** The files of the model that `source` begins, `source` first, by its name alone; only `source` where that is not the name of a first shard. */
export function shardFiles(source: string): readonly [ShardFile, ...ShardFile[]] {
  const named = firstShardOf(source);
  if (named === undefined || named.count > MAX_SHARDS) return [{ source, name: undefined }];
  const fileOf = (number: number) => ({ source: named.sourceOf(number), name: named.nameOf(number) });
  return [{ source, name: named.nameOf(1) }, ...numbersAfterFirst(named.count).map(fileOf)];
}

/** The sources of these files. */
export function shardSources(source: string): readonly string[] {
  return shardFiles(source).map((file) => file.source);
}

function numbersAfterFirst(count: number): readonly number[] {
  return Array.from({ length: Math.max(0, count - 1) }, (_, position) => position + 2);
}

/**
 * The model so far with its next shard: `index` counts from 0, as `split.no` does. The first shard's keys stay, the
 * shards must be of one model.
 */
export function joinShard(model: GgufHeader, shard: GgufHeader, index: number): Result<GgufHeader> {
  if (!belongs(model, shard, index)) return fail(`shard ${index + 1} is of another model or out of order`);
  const tensors = [...model.tensors, ...shard.tensors];
  if (tensors.length > MAX_SPLIT_TENSORS) return fail(`its shards hold more than ${MAX_SPLIT_TENSORS} tensors`);
  const unconfirmed = olderOf(model.unconfirmed, shard.unconfirmed);
  return ok({ ...model, fileBytes: model.fileBytes + shard.fileBytes, tensors, ...(unconfirmed && { unconfirmed }) });
}

function olderOf(one: Unconfirmed | undefined, other: Unconfirmed | undefined): Unconfirmed | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.since < one.since ? other : one;
}

/** The whole model: every tensor once, and as many as the first shard says. */
export function checkJoined(model: GgufHeader): Result<GgufHeader> {
  const expected = model.metadata.get("split.tensors.count") ?? model.tensors.length;
  if (model.tensors.length !== expected) {
    return fail(
      `key "split.tensors.count" is ${String(expected)}, but the shards hold ${model.tensors.length} tensors`,
    );
  }
  const twice = firstDuplicate(model.tensors);
  return twice === undefined ? ok(model) : fail(`tensor ${quoted(twice)} is in two shards`);
}

function belongs(model: GgufHeader, shard: GgufHeader, index: number): boolean {
  const architecture = shard.metadata.get("general.architecture");
  return (
    shard.metadata.get("split.no") === index &&
    ["split.count", "split.tensors.count"].every((key) => shard.metadata.get(key) === model.metadata.get(key)) &&
    (architecture === undefined || architecture === model.metadata.get("general.architecture"))
  );
}

function firstDuplicate(tensors: readonly GgufTensor[]): string | undefined {
  const seen = new Set<string>();
  return tensors.find(({ name }) => seen.size === seen.add(name).size)?.name;
}
