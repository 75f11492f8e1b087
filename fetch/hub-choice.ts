import { dirname } from "node:path/posix";
import { quoted } from "../api/plain-text.ts";
import { fail, ok, type Result } from "../api/result.ts";

/** The weights of one quantization: a file, or all shards of a split model. */
interface Weights {
  /** Of a split model the first shard, by which it is named. */
  readonly file: string;
  /** As the name of the file has it, in capitals; empty where the name has none. */
  readonly quantization: string;
  readonly shards: readonly number[];
  /** 1 where the model is not split. */
  readonly wanted: number;
}

const SHARD = /^(?<stem>.+)-(?<number>\d{5})-of-(?<wanted>\d{5})\.gguf$/i;

/** A quantization at the end of a file's name, as llama.cpp's own tools and those of publishers write it: `-Q4_K_M`, `.IQ2_XS`, `-UD-Q4_K_XL`. */
const QUANTIZATION =
  /(?:^|[-._/])(?<quantization>(?:UD-)?(?:I?Q\d+(?:_[A-Z0-9]+)*|TQ\d_\d|MXFP4(?:_MOE)?|BF16|F16|FP16|F32))$/i;

/** Files beside a model that are no model: projectors, importance matrices. */
const BESIDE = /(?:^|[/._-])(?:mmproj|imatrix)(?:[._-]|$)/i;

const MOST_NAMED = 24;

/**
 * The file of a repository that has the weights in `quantization`, or its only one where none is given. Of a split model that is the first
 * shard, and all others are there. Fails with one sentence that says what there is.
 */
export function chooseFile(files: readonly string[], quantization: string | undefined): Result<string> {
  const models = weightsOf(files);
  if (models.length === 0)
    return fail("it has no GGUF file: choose a repository that has some, whose name often ends in GGUF");
  const wanted = quantization?.trim().toUpperCase();
  const found = wanted === undefined ? models : matching(models, wanted);
  const [only, another] = found;
  if (only === undefined)
    return fail(`it has no file in ${quoted(quantization ?? "")}; it has ${quantizationsOf(models)}`, "not-found");
  if (another !== undefined) {
    const which =
      wanted === undefined
        ? `give a quantization: it has ${quantizationsOf(models)}`
        : `name one of them in source: ${named(found.map(({ file }) => file))}`;
    return fail(`it has ${found.length} models${wanted === undefined ? "" : ` in ${wanted}`}; ${which}`);
  }
  if (only.shards.length < only.wanted) {
    const count = only.shards.length;
    return fail(
      `${quoted(only.file)} is of a model in ${only.wanted} files, of which the repository has only ${count}`,
    );
  }
  return ok(only.file);
}

/** What is named exactly so comes before what has a prefix: `Q4_K_XL` finds `UD-Q4_K_XL` where there is no other. */
function matching(models: readonly Weights[], wanted: string): readonly Weights[] {
  const exact = models.filter(({ quantization }) => quantization === wanted);
  return exact.length > 0 ? exact : models.filter(({ quantization }) => quantization === `UD-${wanted}`);
}

function weightsOf(files: readonly string[]): readonly Weights[] {
  const models = new Map<string, Weights>();
  for (const file of [...files].sort()) {
    if (!/\.gguf$/i.test(file) || BESIDE.test(file)) continue;
    const { stem = file.replace(/\.gguf$/i, ""), number = "1", wanted = "1" } = SHARD.exec(file)?.groups ?? {};
    const key = `${stem} of ${wanted}`;
    const before = models.get(key);
    models.set(key, {
      file: before?.file ?? file,
      quantization: quantizationOf(stem),
      shards: [...(before?.shards ?? []), Number(number)],
      wanted: Number(wanted),
    });
  }
  return [...models.values()];
}

/** Of the file's name or, where that has none, of its folder's. */
function quantizationOf(stem: string): string {
  const name = QUANTIZATION.exec(stem) ?? QUANTIZATION.exec(dirname(stem));
  return name?.groups?.["quantization"]?.toUpperCase() ?? "";
}

function quantizationsOf(models: readonly Weights[]): string {
  const named = models.map(({ quantization, file }) => quantization || quoted(file));
  return namedOnce(named);
}

function namedOnce(names: readonly string[]): string {
  return named([...new Set(names)]);
}

function named(names: readonly string[]): string {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
  return `${names.slice(0, MOST_NAMED).join(", ")}${more}`;
}
