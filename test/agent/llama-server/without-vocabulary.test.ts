import assert from "node:assert/strict";
import { withoutVocabulary } from "../../../agent/llama-server/without-vocabulary.ts";
import type { GgufHeader, GgufValue } from "../../../gguf/header.ts";
import { options } from "../samples.ts";

const able = new Set([...options, "--override-kv"]);

function flagsFor(metadata: Readonly<Record<string, GgufValue>>, supported = able): readonly string[] {
  const header: GgufHeader = {
    ...{ version: 3, fileBytes: 0, dataOffset: 0, tensors: [] },
    metadata: new Map(Object.entries(metadata)),
  };
  return withoutVocabulary(header, supported);
}

describe("the flags that leave out a vocabulary", () => {
  const tokens = { kind: "skipped-array", length: 262_144 } as const;

  it("keep the number of its tokens, which the sizes of tensors depend on", () => {
    assert.deepEqual(flagsFor({ "general.architecture": "gemma3", "tokenizer.ggml.tokens": tokens }), [
      ...["--override-kv", "tokenizer.ggml.model=str:none"],
      ...["--override-kv", "gemma3.vocab_size=int:262144"],
    ]);
  });

  const none: readonly (readonly [what: string, metadata: Readonly<Record<string, GgufValue>>])[] = [
    ["no tokens", { "general.architecture": "gemma3" }],
    ["tokens that are no list", { "general.architecture": "gemma3", "tokenizer.ggml.tokens": 5 }],
    ["an empty list of tokens", { "general.architecture": "gemma3", "tokenizer.ggml.tokens": [] }],
    ["no architecture", { "tokenizer.ggml.tokens": tokens }],
    ["an architecture that is no name", { "general.architecture": "a=b:c,d", "tokenizer.ggml.tokens": tokens }],
    ["an architecture that looks like an option", { "general.architecture": "--x", "tokenizer.ggml.tokens": tokens }],
  ];
  for (const [what, metadata] of none) it(`are none with ${what}`, () => assert.deepEqual(flagsFor(metadata), []));

  it("are none for a llama-server that cannot be told so", () => {
    assert.deepEqual(
      flagsFor({ "general.architecture": "gemma3", "tokenizer.ggml.tokens": tokens }, options as Set<string>),
      [],
    );
  });
});
