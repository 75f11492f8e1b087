import type { GgufHeader } from "../../gguf/header.ts";
import type { SupportedFlags } from "./supported-flags.ts";

/**
 * Flags for a projection in which llama-server leaves out the model's vocabulary, which takes most of the time of a dry run and none of
 * the memory that it prints: the same number of tokens without texts. With any other number llama.cpp refuses the tensors of the model, so
 * that a wrong one is no answer and never a wrong answer (llama.cpp, `llama_vocab::impl::load` and `create_tensor`). Empty where the
 * header does not tell the number, or this llama-server cannot be told it.
 */
export function withoutVocabulary({ metadata }: GgufHeader, options: SupportedFlags): readonly string[] {
  const architecture = metadata.get("general.architecture");
  const tokens = metadata.get("tokenizer.ggml.tokens");
  const length = typeof tokens === "object" && "length" in tokens ? tokens.length : 0;
  if (typeof architecture !== "string" || !/^[a-z][\w-]*$/i.test(architecture)) return [];
  if (length === 0 || !options.has("--override-kv")) return [];
  return ["tokenizer.ggml.model=str:none", `${architecture}.vocab_size=int:${length}`].flatMap((override) => [
    "--override-kv",
    override,
  ]);
}
