/** A source that names the first shard of a split model, as llama.cpp names shards: `model-00001-of-00003.gguf`. */
export interface FirstShard {
  readonly count: number;
  /** The same source with another number, counted from 1. */
  readonly sourceOf: (number: number) => string;
  /** The name of that file alone. */
  readonly nameOf: (number: number) => string;
}

/** Where a source has the name of the first shard: from `begin` on its number, `name` from the last separator before it. */
interface Named {
  readonly begin: number;
  readonly stem: string;
  readonly count: string;
}

/** Undefined where the source does not name a first shard. */
export function firstShardOf(source: string): FirstShard | undefined {
  const [first, ...others] = namesIn(source);
  if (first === undefined) return undefined;
  const count = Number(first.count);
  const places = [first, ...others].filter((other) => other.count === first.count);
  return {
    count,
    sourceOf: (number) =>
      places.reduceRight(
        (text, { begin }) => text.slice(0, begin) + shardName(number, count) + text.slice(begin + SHARD_LENGTH),
        source,
      ),
    nameOf: (number) => first.stem + shardName(number, count),
  };
}

export function shardName(number: number, count: number): string {
  return `-${String(number).padStart(5, "0")}-of-${String(count).padStart(5, "0")}.gguf`;
}

const SHARD_LENGTH = shardName(1, 1).length;

/** A name at the end of a path, or of a segment of one: a store may want a word after it (`.../raw`, `.../download`). */
const IN_PATH: Place = { shard: /-00001-of-(\d{5})\.gguf(?![^/])/g, separator: /\//g };
/** A name in the value of a query's parameter (`FilePath=`). */
const IN_QUERY: Place = { shard: /-00001-of-(\d{5})\.gguf(?![\w.-])/g, separator: /[/=&?;"]|%2f|%22/gi };

interface Place {
  readonly shard: RegExp;
  readonly separator: RegExp;
}

/**
 * A path, and what `hf://` names, ends in the name of the file, whatever characters that has. Other addresses have it in their path, in
 * their query or in both; what stands behind `#` is asked of no server.
 */
function namesIn(source: string): readonly Named[] {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(source)?.[1]?.toLowerCase();
  if (scheme === undefined || scheme === "hf") return found(source, IN_PATH).filter(endsAt(source.length)).slice(-1);
  const address = source.replace(/#.*$/s, "");
  const pathEnd = address.search(/\?|$/);
  const inPath = found(address.slice(0, pathEnd), IN_PATH).slice(-1);
  if (scheme === "file") return inPath.filter(endsAt(pathEnd));
  const inQuery = found(address, IN_QUERY).filter(({ begin }) => begin >= pathEnd);
  return [...inPath, ...inQuery];
}

function found(text: string, { shard, separator }: Place): readonly Named[] {
  return Array.from(text.matchAll(shard), ({ index, 1: count = "" }) => {
    const stem = text.slice(0, index).split(separator).at(-1) ?? "";
    return { begin: index, stem, count };
  });
}

function endsAt(end: number): (name: Named) => boolean {
  return ({ begin }) => begin + SHARD_LENGTH === end;
}
