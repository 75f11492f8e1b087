import assert from "node:assert/strict";
import { join } from "node:path";
import fc from "fast-check";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { readHeader } from "../../../gguf/read.ts";
import { estimateWith } from "../../../memory/estimate/auxiliary.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import type { EstimateSettings, KnownEstimate } from "../../../memory/estimate/types.ts";
import { type WriterModel, type WriterValue, writeGgufFile } from "../../support/gguf-writer.ts";
import { SETTINGS } from "../../support/settings.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

let folder = "";

async function read(model: WriterModel): Promise<GgufHeader> {
  const path = join(folder, "model.gguf");
  await writeGgufFile(path, model);
  const header = await readHeader(path);
  assert.ok(header.ok, JSON.stringify(header));
  return header.value;
}

/** 4 heads of 32 of which 2 own keys and values: 256 bytes a token and layer. */
function model(architecture: string, keys: Readonly<Record<string, WriterValue>> = {}): Promise<GgufHeader> {
  const own = {
    ...{ block_count: 6, embedding_length: 128, feed_forward_length: 256, context_length: 2048, vocab_size: 1000 },
    ...{ "attention.head_count": 4, "attention.head_count_kv": 2 },
    ...keys,
  };
  const named = Object.entries(own).map(([key, value]) => [`${architecture}.${key}`, value] as const);
  const tensors = [{ name: "token_embd.weight", shape: [128, 1000] }];
  return read({ metadata: [["general.architecture", architecture], ...named], tensors });
}

function known(header: GgufHeader, settings: Partial<EstimateSettings> = {}): KnownEstimate {
  const answer = estimate(header, { ...SETTINGS, ...settings });
  assert.ok(answer.ok, JSON.stringify(answer));
  if (answer.value.confidence === "unknown") throw new Error(answer.value.notes.join());
  return answer.value;
}

function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

const WINDOW = { "attention.sliding_window": 512 };
const RECURRENT = {
  ...{ "ssm.conv_kernel": 4, "ssm.inner_size": 256, "ssm.state_size": 16, "ssm.group_count": 2 },
  "attention.head_count_kv": [0, 0, 2, 0, 0, 2],
};
/** (4 - 1)(256 + 2 x 2 x 16) + 16 x 256 floats. */
const STATE = 20_224;

describe("estimate, settings beyond the context", () => {
  before(async () => {
    folder = await temporaryDirectory();
  });

  it("keeps every cell of sliding layers under swaFull", async () => {
    const header = await model("gemma3", WINDOW);
    assert.equal(known(header).contextBytes.kv, (5 * 1024 + 4096) * 256);
    assert.equal(known(header, { swaFull: true }).contextBytes.kv, 6 * 4096 * 256);
  });

  it("gives llama4 its chunk of 8192 tokens, whatever the file names", async () => {
    const header = await model("llama4", { "attention.sliding_window": 4 });
    const { kv } = known(header, { contextSize: 32_768 }).contextBytes;
    // Layers 3 of 6 is full; the others hold pad256(8192 + 512).
    assert.equal(kv, (5 * 8704 + 32_768) * 256);
  });

  it("counts the prompt cache in full, and a sixteenth beside it", async () => {
    const found = known(await model("llama"), { cacheRamMiB: 8192 });
    assert.equal(found.parts["promptCache"], 8704 * MiB);
    assert.equal(found.totalBytes, sumOf(found.parts));
    assert.equal(known(await model("llama")).parts["promptCache"], undefined);
  });

  const checkpoints: ReadonlyArray<
    readonly [
      what: string,
      architecture: string,
      keys: Readonly<Record<string, WriterValue>>,
      settings: Partial<EstimateSettings>,
      bytes: number,
    ]
  > = [
    ["none where all attention is full", "llama", {}, {}, 0],
    ["the window's tokens of 5 sliding layers", "gemma3", WINDOW, {}, 32 * 5 * 512 * 256],
    ["the context's, where it is shorter", "gemma3", { "attention.sliding_window": 8192 }, {}, 32 * 5 * 4096 * 256],
    ["each slot's", "gemma3", WINDOW, { parallel: 2 }, 32 * 2 * 5 * 512 * 256],
    ["none under swaFull", "gemma3", WINDOW, { swaFull: true }, 0],
    ["4 states of a hybrid", "granitehybrid", RECURRENT, {}, 32 * 4 * STATE],
    ["4 states a slot", "granitehybrid", RECURRENT, { parallel: "auto" }, 32 * 4 * 4 * STATE],
  ];
  for (const [what, architecture, keys, settings, bytes] of checkpoints) {
    it(`counts checkpoints: ${what}`, async () => {
      const found = known(await model(architecture, keys), { ...settings, ctxCheckpoints: 32 });
      assert.equal(found.parts["checkpoints"], bytes);
      assert.equal(found.totalBytes, sumOf(found.parts));
    });
  }

  it("agrees with the 7.5 MiB that a checkpoint of Gemma 3 270M was measured at", async () => {
    const shape = { block_count: 18, embedding_length: 640, "attention.head_count_kv": 1 };
    const lengths = { "attention.key_length": 256, "attention.value_length": 256 };
    const found = known(await model("gemma3", { ...WINDOW, ...shape, ...lengths }), { ctxCheckpoints: 1 });
    assert.ok(Math.abs((found.parts["checkpoints"] ?? 0) / MiB - 7.506) < 0.01);
  });

  it("keeps a state, and an output, for every drafted token", async () => {
    const header = await model("granitehybrid", RECURRENT);
    const plain = known(header);
    const drafting = known(header, { draftTokens: 3 });
    assert.equal(plain.contextBytes.recurrent, 4 * STATE);
    assert.equal(drafting.contextBytes.recurrent, 4 * STATE * 4);
    assert.equal(drafting.outputBytes, 4 * plain.outputBytes);
  });

  it("says in a note what moves no number", async () => {
    const header = await model("llama");
    const plain = known(header);
    for (const [settings, note] of [
      [{ moeCpu: true }, /experts on the CPU .* same unified memory/],
      [{ moeCpuLayers: 2 }, /experts on the CPU/],
    ] as const) {
      const found = known(header, settings);
      assert.deepEqual(found.parts, plain.parts);
      assert.match(found.notes.join(), note);
    }
    assert.doesNotMatch(plain.notes.join(), /experts/);
  });

  it("takes a longer context as intended under rope scaling", async () => {
    const header = await model("llama");
    assert.match(known(header).notes.join(), /longer than the 2048/);
    const scaled = known(header, { ropeScaling: "yarn" });
    assert.doesNotMatch(scaled.notes.join(), /longer than/);
    assert.equal(scaled.totalBytes, known(header).totalBytes);
    assert.match(known(header, { ropeScaling: "none" }).notes.join(), /longer than the 2048/);
  });

  for (const [settings, message] of [
    [{ cacheRamMiB: -1 }, /size of the prompt cache in MiB is -1; it must be a whole number from 0/],
    [{ ctxCheckpoints: 0.5 }, /context checkpoints is 0\.5/],
    [{ draftTokens: Number.NaN }, /drafted tokens is NaN/],
    [{ parallel: 64, contextSize: 2 ** 31, ctxCheckpoints: 2 ** 31 }, /more bytes than can be counted/],
  ] as const) {
    it(`refuses ${JSON.stringify(settings)}`, async () => {
      const answer = estimate(await model("gemma3", WINDOW), { ...SETTINGS, ...settings });
      assert.ok(!answer.ok, JSON.stringify(answer));
      assert.match(answer.error, message);
    });
  }

  it("refuses tensors of more than 2^53 bytes together, and counts contexts of 2^31 exactly", async () => {
    const header = await model("llama");
    const tensor = { name: "w", shape: [2 ** 26, 2 ** 24], type: 0, offset: 0 };
    const one = known({ ...header, tensors: [tensor] }, { contextSize: 2 ** 31 });
    assert.equal(one.weightsBytes, 2 ** 52);
    assert.equal(one.contextBytes.kv, 6 * 2 ** 31 * 256);
    const two = estimate({ ...header, tensors: [tensor, tensor] }, SETTINGS);
    assert.ok(!two.ok, JSON.stringify(two));
    assert.match(two.error, /tensors of the file have more than 2\^53 bytes/);
  });

  it("never falls when slots, checkpoints, drafts or the prompt cache grow", async () => {
    const headers = [await model("gemma3", WINDOW), await model("granitehybrid", RECURRENT), await model("bert")];
    const grown = fc.record({
      parallel: fc.integer({ min: 1, max: 32 }),
      ctxCheckpoints: fc.nat(64),
      draftTokens: fc.nat(16),
      cacheRamMiB: fc.nat(2 ** 16),
    });
    fc.assert(
      fc.property(fc.nat(2), grown, grown, (pick, a, b) => {
        const header = headers[pick];
        assert.ok(header);
        const most = {
          // The context is split among slots: as many cells each as before.
          parallel: Math.max(a.parallel, b.parallel),
          ctxCheckpoints: Math.max(a.ctxCheckpoints, b.ctxCheckpoints),
          draftTokens: Math.max(a.draftTokens, b.draftTokens),
          cacheRamMiB: Math.max(a.cacheRamMiB, b.cacheRamMiB),
        };
        const small = known(header, { ...a, contextSize: 1024 * a.parallel });
        const large = known(header, { ...most, contextSize: 1024 * most.parallel });
        assert.ok(large.totalBytes >= small.totalBytes, `${large.totalBytes} < ${small.totalBytes}`);
        for (const bytes of Object.values(large.parts)) assert.ok(Number.isSafeInteger(bytes) && bytes >= 0);
      }),
    );
  });
});

describe("estimateWith", () => {
  const VISION = {
    "clip.vision.block_count": 2,
    "clip.vision.embedding_length": 64,
    "clip.vision.feed_forward_length": 128,
    "clip.vision.attention.head_count": 4,
    "clip.vision.image_size": 896,
    "clip.vision.patch_size": 14,
  };
  const TENSORS = [{ name: "v.weight", shape: [64, 64] }];
  let header: GgufHeader;
  before(async () => {
    folder = await temporaryDirectory();
    header = await model("llama");
  });

  /** What Metal copies of a patch: its pixels and its places. */
  const INPUTS = 3 * 14 ** 2 + 5;

  function projector(keys: Readonly<Record<string, WriterValue>>): Promise<GgufHeader> {
    return read({ metadata: { "general.architecture": "clip", ...keys }, tensors: TENSORS });
  }

  it("is the plain estimate without auxiliary models", () => {
    assert.deepEqual(estimateWith(header, SETTINGS, {}), estimate(header, SETTINGS));
  });

  it("bounds a projector by its weights and the widest moment of its graph", async () => {
    const answer = estimateWith(header, SETTINGS, { mmproj: await projector(VISION) });
    assert.ok(answer.ok && answer.value.confidence === "bounded", JSON.stringify(answer));
    // 64 x 64 floats, and 16384 patches x (3 x 128 + 6 x 64) floats, and each patch's 3 x 14 x 14 and 5 more with the CPU.
    assert.equal(answer.value.parts["mmproj"], 4 * 4096 + 4 * 16_384 * (768 + INPUTS));
    assert.equal(answer.value.totalBytes, sumOf(answer.value.parts));
    assert.match(answer.value.notes.join(), /mmproj: its compute buffer is an upper bound/);
  });

  it("counts the largest tensor of a projector where loading it onto the GPU takes more than its graph", async () => {
    const tensors = [{ name: "v.weight", shape: [4096, 4096] }];
    const small = { ...VISION, "clip.vision.image_size": 28, "clip.projector_type": "gemma3" };
    const mmproj = await read({ metadata: { "general.architecture": "clip", ...small }, tensors });
    for (const [backend, besides] of [
      ["metal", 4 * 4096 ** 2],
      ["cpu", 4 * 4 * 768],
    ] as const) {
      const answer = estimateWith(header, { ...SETTINGS, backend }, { mmproj });
      assert.ok(answer.ok && answer.value.confidence !== "unknown");
      assert.equal(answer.value.parts["mmproj"], 4 * 4096 ** 2 + besides);
    }
  });

  it("takes the file's image size where every image is scaled to it", async () => {
    const mmproj = await projector({ ...VISION, "clip.projector_type": "gemma3" });
    const answer = estimateWith(header, SETTINGS, { mmproj });
    assert.ok(answer.ok && answer.value.confidence !== "unknown");
    // (896 / 14)^2 = 4096 patches.
    assert.equal(answer.value.parts["mmproj"], 4 * 4096 + 4 * 4096 * (768 + INPUTS));
  });

  it("counts the buffers of both encoders where the file has two", async () => {
    const sound = {
      "clip.audio.block_count": 2,
      "clip.audio.embedding_length": 64,
      "clip.audio.feed_forward_length": 128,
      "clip.audio.attention.head_count": 4,
    };
    const settings = { ...SETTINGS, backend: "cpu" } as const;
    const [both, one] = [await projector({ ...VISION, ...sound }), await projector(VISION)].map((mmproj) => {
      const answer = estimateWith(header, settings, { mmproj });
      assert.ok(answer.ok && answer.value.confidence !== "unknown");
      return answer.value.parts["mmproj"] ?? 0;
    });
    // 3000 frames.
    assert.equal(Number(both) - Number(one), 4 * 3000 * 768);
  });

  it("counts the scores of all patches without flash attention", async () => {
    const settings = { ...SETTINGS, flashAttention: false };
    const answer = estimateWith(header, settings, { mmproj: await projector(VISION) });
    assert.ok(answer.ok && answer.value.confidence !== "unknown");
    assert.equal(answer.value.parts["mmproj"], 4 * 4096 + 4 * 16_384 * (768 + INPUTS) + 4 * 16_384 ** 2 * 4);
  });

  it("does not guess at a projector without an encoder, and names a bad key", async () => {
    const unknown = estimateWith(header, SETTINGS, { mmproj: await projector({}) });
    assert.ok(unknown.ok && unknown.value.confidence === "unknown");
    assert.match(unknown.value.notes.join(), /mmproj: the file describes neither/);
    const bad = estimateWith(header, SETTINGS, { mmproj: await projector({ ...VISION, "clip.vision.patch_size": 0 }) });
    assert.ok(!bad.ok);
    assert.match(bad.error, /^mmproj: key "clip\.vision\.patch_size" holds 0: a whole number from 1 to 2\^20/);
  });

  it("counts a draft model by the same estimate, with its own settings", async () => {
    const draft = { header: await model("qwen3", { block_count: 2 }), settings: { ...SETTINGS, contextSize: 1024 } };
    const answer = estimateWith(header, SETTINGS, { draft });
    assert.ok(answer.ok && answer.value.confidence !== "unknown");
    assert.equal(answer.value.parts["draft"], known(draft.header, draft.settings).totalBytes);
    assert.equal(answer.value.totalBytes, known(header).totalBytes + known(draft.header, draft.settings).totalBytes);
    assert.equal(answer.value.confidence, "exact");
  });

  it("is unknown with a draft model that is", async () => {
    const draft = { header: await model("novel-sparse", { novelty: 1 }), settings: SETTINGS };
    const answer = estimateWith(header, SETTINGS, { draft });
    assert.ok(answer.ok && answer.value.confidence === "unknown");
    assert.match(answer.value.notes.join(), /draft model: there is no rule yet for architecture "novel-sparse"/);
  });

  it("counts every adapter's tensors, and refuses one of another architecture", async () => {
    const adapter = (architecture: string) =>
      read({ metadata: { "general.type": "adapter", "general.architecture": architecture }, tensors: TENSORS });
    const answer = estimateWith(header, SETTINGS, { loras: [await adapter("llama"), await adapter("llama")] });
    assert.ok(answer.ok && answer.value.confidence === "exact");
    assert.equal(answer.value.parts["lora"], 2 * 4 * 4096);
    const other = estimateWith(header, SETTINGS, { loras: [await adapter("qwen3")] });
    assert.ok(!other.ok);
    assert.match(other.error, /^LoRA adapter: key "general\.architecture" holds qwen3: llama is expected$/);
  });
});
