import { readFileSync } from "node:fs";
import { join } from "node:path";

const LIST = join(import.meta.dirname, "../fixtures/llama-cpp-architectures.txt");

/** `general.architecture` of files that llama.cpp's loader knows and that are no model to be served: memory/whole/file-kind.ts says what they are. */
export const NO_LANGUAGE_MODELS: ReadonlySet<string> = new Set([
  "clef",
  "clip",
  "dflash",
  "eagle3",
  "gemma4-assistant",
  "wavtokenizer-dec",
]);

/** Every name in the table of the llama.cpp that the toolchain pins (`LLM_ARCH_NAMES` in its src/llama-arch.cpp). */
export function architectureNames(): readonly string[] {
  return readFileSync(LIST, "utf8").trim().split("\n");
}

/** What the table ends with. */
const END = "(unknown)";

/**
 * The names that lie before the end of the table in the read-only data of a llama-server. A name that is also a word elsewhere in the
 * program may lie somewhere else, so this is most of the table, and every name that is new enough to be nothing but a name.
 */
export function namesInProgram(program: Buffer): readonly string[] {
  const end = program.indexOf(`\0${END}\0`, 0, "latin1");
  if (end === -1) return [];
  const words = program.toString("latin1", Math.max(0, end - 8192), end).split("\0");
  const first = words.findLastIndex((word) => word !== "" && !/^[a-z][\w.-]*$/.test(word));
  // What lies before the table may run on into its first name.
  return words.slice(first + 2).filter((word) => word !== "");
}

/** Classes that are spelt otherwise than the architecture of their files; gptj is a name without a class. */
const CLASSES: ReadonlyMap<string, string | undefined> = new Map([
  ["gpt-oss", "openaimoe"],
  ["pangu-embedded", "panguembed"],
  ["gptj", undefined],
]);

/** What {@link classesInProgram} finds in a llama-server that has exactly these architectures. */
export function classesOf(architectures: readonly string[]): readonly string[] {
  const spelt = architectures.map((name) => (CLASSES.has(name) ? CLASSES.get(name) : name.replaceAll(/[-_]/g, "")));
  return spelt.filter((name) => name !== undefined).sort();
}

/**
 * The C++ classes of the models in a llama-server, without `_`. Each architecture has one, and its name is in every
 * program: the length of the name, and then itself.
 */
export function classesInProgram(program: Buffer): readonly string[] {
  const found = program.toString("latin1").matchAll(/(?<=\0)\d+llama_model_(\w+)(?=\0)/g);
  const names = Array.from(found, ([, name = ""]) => name.replaceAll("_", "")).filter((name) => name !== "base");
  return [...new Set(names)].sort();
}
