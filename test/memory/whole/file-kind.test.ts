import assert from "node:assert/strict";
import { join } from "node:path";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimateWhole } from "../../../memory/served.ts";
import { type FileKind, kindOf } from "../../../memory/whole/file-kind.ts";
import { type WriterModel, writeGgufFile } from "../../support/gguf-writer.ts";
import { llamaTensors } from "../../support/llama-tensors.ts";
import { SETTINGS } from "../../support/settings.ts";
import { headerOf } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const LLAMA = {
  "general.architecture": "llama",
  "llama.block_count": 2,
  "llama.context_length": 4096,
  "llama.embedding_length": 64,
  "llama.feed_forward_length": 64,
  "llama.attention.head_count": 1,
};
const MODEL: WriterModel = { metadata: LLAMA, tensors: llamaTensors(2) };
const WEIGHTS = [{ name: "some.weight", shape: [64, 64] }];
const ADAPTER: WriterModel = {
  metadata: { "general.architecture": "llama", "general.type": "adapter", "adapter.type": "lora" },
  tensors: [{ name: "blk.0.attn_q.weight.lora_a", shape: [64, 8] }],
};
const PROJECTOR: WriterModel = {
  metadata: {
    "general.architecture": "clip",
    "clip.has_vision_encoder": true,
    "clip.vision.block_count": 2,
    "clip.vision.embedding_length": 64,
    "clip.vision.feed_forward_length": 128,
    "clip.vision.attention.head_count": 4,
    "clip.vision.image_size": 224,
    "clip.vision.patch_size": 14,
  },
  tensors: WEIGHTS,
};

async function header(model: WriterModel): Promise<GgufHeader> {
  const path = join(await temporaryDirectory(), "file.gguf");
  await writeGgufFile(path, model);
  return headerOf(path);
}

/** What is said of these files together; undefined where they have an estimate. */
async function refusalOf(files: {
  model?: WriterModel;
  mmproj?: WriterModel;
  draft?: WriterModel;
  lora?: WriterModel;
}): Promise<string | undefined> {
  const { model = MODEL, mmproj, draft, lora } = files;
  const answer = estimateWhole(
    {
      header: await header(model),
      mmproj: mmproj && (await header(mmproj)),
      draft: draft && (await header(draft)),
      loras: lora && [await header(lora)],
    },
    SETTINGS,
  );
  return answer.ok ? undefined : answer.error;
}

describe("what a GGUF file is", () => {
  const kinds: readonly (readonly [string, FileKind, WriterModel])[] = [
    ["a model", "model", MODEL],
    [
      "a model of an architecture to come",
      "model",
      { metadata: { "general.architecture": "later" }, tensors: WEIGHTS },
    ],
    ["a model by its type", "model", { metadata: { ...LLAMA, "general.type": "model" }, tensors: llamaTensors(2) }],
    ["a LoRA adapter", "adapter", ADAPTER],
    [
      "an adapter by its tensors alone",
      "adapter",
      { metadata: { "general.architecture": "llama" }, tensors: ADAPTER.tensors ?? [] },
    ],
    ["a projector", "projector", PROJECTOR],
    ["a projector by its type", "projector", { metadata: { "general.type": "mmproj" }, tensors: WEIGHTS }],
    [
      "a projector for sound, without an architecture",
      "projector",
      { metadata: { "clip.has_audio_encoder": true }, tensors: WEIGHTS },
    ],
    ["an importance matrix", "imatrix", { metadata: { "general.type": "imatrix" }, tensors: WEIGHTS }],
    [
      "a control vector",
      "control-vector",
      { metadata: { "general.architecture": "controlvector" }, tensors: [{ name: "direction.1", shape: [64] }] },
    ],
    ["a vocabulary", "vocabulary", { metadata: { ...LLAMA, "tokenizer.ggml.model": "llama" } }],
    ["a diffusion model", "diffusion", { metadata: { "general.architecture": "flux" }, tensors: WEIGHTS }],
    [
      "a diffusion model without an architecture",
      "diffusion",
      { tensors: [{ name: "model.diffusion_model.input_blocks.0.0.weight", shape: [4] }] },
    ],
    ["whisper", "speech-recogniser", { metadata: { "general.architecture": "whisper" }, tensors: WEIGHTS }],
    ["a vocoder", "speech", { metadata: { "general.architecture": "wavtokenizer-dec" }, tensors: WEIGHTS }],
  ];
  for (const [what, kind, model] of kinds) {
    it(`knows ${what}`, async () => {
      assert.equal(kindOf(await header(model)), kind);
      const said = await refusalOf({ model });
      if (kind === "model") assert.doesNotMatch(String(said), /^it is/);
      else assert.match(String(said), /^it is an? [^\n]+: [^\n]+$/);
    });
  }

  it("takes each file only as what it is", async () => {
    assert.equal(await refusalOf({ mmproj: PROJECTOR, lora: ADAPTER, draft: MODEL }), undefined);
    const model = "it is a model (architecture llama), where a";
    assert.equal(await refusalOf({ lora: MODEL }), `LoRA adapter: ${model} LoRA adapter is expected`);
    assert.equal(await refusalOf({ mmproj: MODEL }), `mmproj: ${model} multimodal projector is expected`);
    assert.match(String(await refusalOf({ mmproj: ADAPTER })), /^mmproj: it is a LoRA adapter, .* is expected$/);
    assert.match(String(await refusalOf({ lora: PROJECTOR })), /^LoRA adapter: it is a multimodal projector, /);
    assert.match(String(await refusalOf({ draft: ADAPTER })), /^draft model: it is a LoRA adapter, /);
    assert.match(String(await refusalOf({ draft: PROJECTOR })), /^draft model: it is a multimodal projector, /);
  });

  it("wants of an adapter what llama.cpp wants", async () => {
    const { metadata, tensors = [] } = ADAPTER;
    const untyped = { metadata: { "general.architecture": "llama", "adapter.type": "lora" }, tensors };
    assert.match(String(await refusalOf({ lora: untyped })), /"general.type" is missing: "adapter" is expected/);
    const other = { metadata: { ...metadata, "adapter.type": "dora\u001b[2J" }, tensors };
    assert.equal(
      await refusalOf({ lora: other }),
      'LoRA adapter: key "adapter.type" holds "dora\ufffd[2J": "lora" is expected',
    );
  });

  it("shows no commands that stand in the place of a name", async () => {
    const named = { ...MODEL, metadata: { ...LLAMA, "general.architecture": "ll\u001b]0;owned\u0007\u202eama" } };
    assert.match(
      String(await refusalOf({ model: named })),
      /holds "ll\ufffd\]0;owned\ufffd\ufffdama", which is no name/,
    );
  });
});
