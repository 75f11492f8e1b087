import { fail, ok, type Result } from "../api/result.ts";
import { quoted } from "../fetch/refusal.ts";
import type { GgufHeader, GgufTensor } from "./header.ts";

/** Above every split in use; more would only be a way to keep a reader busy. */
const MAX_SHARDS = 128;
/** Above every model in use, over all its shards. */
const MAX_SPLIT_TENSORS = 2 ** 13;

/** llama.cpp's name of a shard, before a URL's query: `model-00001-of-00003.gguf`. */
const FIRST_SHARD = /-00001-of-(\d{5})(\.gguf)(?=$|[?#])/;

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
  if (Number(FIRST_SHARD.exec(source)?.[1]) !== count) {
    return fail(`it is the first of ${count} shards, but its name does not end in ${shardName(1, count)}`);
  }
  return ok(laterNames(source, count));
}

/**
 * The sources of all shards of the model that `source` begins, `source` first, by its name alone; only `source` where that
 * is not the name of a first shard.
 */
export function shardSources(source: string): readonly [string, ...string[]] {
  const count = Number(FIRST_SHARD.exec(source)?.[1] ?? 1);
  return count > MAX_SHARDS ? [source] : [source, ...laterNames(source, count)];
}

function laterNames(source: string, count: number): readonly string[] {
  const rest = Array.from({ length: Math.max(0, count - 1) }, (_, position) => position + 2);
  return rest.map((number) => source.replace(FIRST_SHARD, shardName(number, count)));
}

function shardName(number: number, count: number): string {
  return `-${String(number).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.gguf`;
}

/**
 * The model so far with its next shard: `index` counts from 0, as `split.no` does. The first shard's keys stay, the
 * shards must be of one model.
 */
export function joinShard(model: GgufHeader, shard: GgufHeader, index: number): Result<GgufHeader> {
  if (!belongs(model, shard, index)) return fail(`shard ${index + 1} is of another model or out of order`);
  const tensors = [...model.tensors, ...shard.tensors];
  if (tensors.length > MAX_SPLIT_TENSORS) return fail(`its shards hold more than ${MAX_SPLIT_TENSORS} tensors`);
  return ok({ ...model, fileBytes: model.fileBytes + shard.fileBytes, tensors });
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
