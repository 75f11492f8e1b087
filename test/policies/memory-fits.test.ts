import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { memoryFits } from "../../policies/index.ts";
import { gemmaFile } from "../support/gemma-header.ts";
import { writeGgufFile } from "../support/gguf-writer.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { analyse, analyseStack } from "./analyse.ts";
import { model, service } from "./manifests.ts";

/** 100 MiB of weights, and images of 896 x 896. */
const PROJECTOR = {
  metadata: {
    "general.architecture": "clip",
    "clip.vision.block_count": 2,
    "clip.vision.embedding_length": 1152,
    "clip.vision.feed_forward_length": 4304,
    "clip.vision.attention.head_count": 16,
    "clip.vision.image_size": 896,
    "clip.vision.patch_size": 14,
    "clip.vision.projector_type": "gemma3",
  },
  tensors: [{ name: "v.weight", shape: [1024, 25 * 1024] }],
};

describe("memory-fits", () => {
  /** Llama 3.2 1B: 663 MiB of weights, 141 MiB of them twice on Metal, 32 KiB of f16 cache a token. */
  let llama: string;
  let folder: string;

  before(async () => {
    folder = await temporaryDirectory();
    llama = await writeSynthetic(readTruth(), "llama3.2-1b", folder);
  });
  afterEach(() => analyseStack());

  function llamaModel(memoryBudget: string, spec: object = {}) {
    return model({ source: llama, hardware: { accelerator: "metal", memoryBudget }, ...spec });
  }

  /** What the pack reports on a Model and then on its service. */
  async function reportsOn(spec: object, serving: object, config: object = {}) {
    const analysis = { config: { "memory-fits": config } };
    return [await analyse(model(spec), analysis), await analyse(service(serving), analysis)];
  }

  it("is mandatory", () => assert.equal(memoryFits.enforcementLevel, "mandatory"));

  it("accepts what fits, without a word", async () => {
    assert.deepEqual(await analyse(llamaModel("1100Mi")), []);
    assert.deepEqual(await analyse(service({ contextSize: 4096 })), []);
  });

  it("refuses a service whose context does not fit, with need, budget and what would fit", async () => {
    assert.deepEqual(await analyse(llamaModel("1100Mi")), []);
    const [report = "", ...more] = await analyse(service({ contextSize: 32768 }));
    assert.deepEqual(more, []);
    const expected = [
      /^memory-fits: Model default\/gemma does not fit: estimated 1\.9 GiB required, budget 1\.0 GiB \(absolute from CRD\), 9\d\d\.\d MiB short\.$/,
      /^Needed: weights 663\.1 MiB \+ second copy of the embeddings 140\.9 MiB \+ KV cache 1\.0 GiB \+ GPU compute buffer 1\d\d\.\d MiB \+ CPU compute buffer \d\d\.\d MiB \+ /,
      /^What would fit: a context of \d+ tokens, or a context of \d+ tokens with a KV cache in q8_0, or these settings with a budget of at least \d+Mi \(/,
    ];
    const lines = report.split("\n");
    assert.equal(lines.length, expected.length);
    for (const [index, line] of lines.entries()) assert.match(line, expected[index] ?? /^$/);
    assert.match(lines[1] ?? "", /, with a context of 32768 tokens, 1 slot, f16\/f16 cache\.$/);
  });

  it("counts a prompt cache that is asked for as a quantity, and not one that takes what is left", async () => {
    const caching = (promptCache: string) => {
      const { metadata, ...rest } = service({ contextSize: 4096 });
      return { ...rest, metadata: { ...metadata, annotations: { "llmkube.dev/prompt-cache": promptCache } } };
    };
    await analyse(llamaModel("1500Mi"));
    assert.deepEqual(await analyse(caching("auto")), []);
    assert.deepEqual(await analyse(caching("256Mi")), []);
    const [report = ""] = await analyse(caching("1Gi"));
    assert.match(report, /does not fit: .* \+ prompt cache 1\.0 GiB/s);
    assert.match(report, /What would fit: .*without the prompt cache/);
    const [wrong = ""] = await analyse(caching("much"));
    assert.match(wrong, /"much" is no prompt cache: write auto, off, or a quantity/);
  });

  it("notes a prompt cache that is too small for what the model keeps of a conversation", async () => {
    const { metadata, ...rest } = service({ contextSize: 4096 });
    const caching = (cache: string, spec: object = {}) =>
      analyse({
        ...rest,
        spec: { ...rest.spec, ...spec },
        metadata: { ...metadata, annotations: { "llmkube.dev/prompt-cache": cache } },
      });
    await analyse(model({ source: await gemmaFile(), hardware: { accelerator: "metal", memoryBudget: "2Gi" } }));
    for (const [cache, note] of [
      [
        "8Mi",
        /llmkube\.dev\/prompt-cache: the prompt cache is too small for a long conversation: with sliding-window /,
      ],
      ["1900Mi", /does not fit: .* \+ prompt cache 1\.9 GiB \+ context checkpoints \d+\.\d MiB/s],
    ] as const) {
      const [told = "", ...more] = await caching(cache);
      assert.match(told, note);
      assert.deepEqual(more, []);
    }
    for (const cache of ["off", "auto", "64Mi"]) assert.deepEqual(await caching(cache), []);
  });

  it("gives advice that holds, and is no lower than need be", async () => {
    await analyse(llamaModel("1100Mi"));
    const [report = ""] = await analyse(service({ contextSize: 32768 }));
    const advised =
      /context of (\d+) tokens, or a context of (\d+) tokens with a KV cache in q8_0, or .* (\d+)Mi \(/.exec(report);
    const [context = 0, quantized = 0, budget = 0] = advised?.slice(1).map(Number) ?? [];
    const refused = async (serving: object) => (await analyse(service(serving))).length > 0;
    const q8 = { cacheTypeK: "q8_0", cacheTypeV: "q8_0" };
    assert.deepEqual(
      [
        await refused({ contextSize: context }),
        await refused({ contextSize: context + 256 }),
        await refused({ contextSize: quantized, ...q8 }),
        await refused({ contextSize: quantized + 256, ...q8 }),
      ],
      [false, true, false, true],
    );
    for (const [mebibytes, expected] of [
      [budget, false],
      [budget - 1, true],
    ] as const) {
      await analyse(llamaModel(`${mebibytes}Mi`));
      assert.equal(await refused({ contextSize: 32768 }), expected);
    }
  });

  it("refuses a Model whose weights alone do not fit, before anything serves it", async () => {
    const [onModel, onService] = await reportsOn(
      { source: llama, hardware: { accelerator: "metal", memoryBudget: "512Mi" } },
      { contextSize: 4096 },
    );
    const [report = "", ...more] = onModel ?? [];
    assert.match(
      report,
      /^memory-fits: Model default\/gemma does not fit: its weights alone are 663\.1 MiB, budget 512\.0 MiB \(absolute from CRD\)\.\nNo context fits this budget\. What would fit: a budget of at least \d+Mi .* This is for a service with default settings\.$/,
    );
    assert.deepEqual(more, []);
    assert.deepEqual(onService, [], "one cause is reported once");
  });

  it("says that it took this machine's memory for the host's where a share of it is too little", async () => {
    const spec = { source: llama, hardware: { accelerator: "metal", memoryFraction: 0.0001 } };
    const [onModel] = await reportsOn(spec, {});
    const last = onModel?.[0]?.split("\n").at(-1) ?? "";
    assert.match(
      last,
      /is the memory of this machine; if the model runs on another one, set hostMemory in the configuration of memory-fits\.$/,
    );
  });

  it("refuses what cannot be read, unless it is told to warn", async () => {
    const missing = model({
      source: join(folder, "none.gguf"),
      hardware: { accelerator: "metal", memoryBudget: "1Gi" },
    });
    const [report = "", ...more] = await analyse(missing);
    assert.match(
      report,
      /^memory-fits: Model default\/gemma: whether it fits is not known, because its header cannot be read: /,
    );
    assert.match(report, /none\.gguf/);
    assert.match(
      report,
      /\nTo let it pass unchecked, set onUnreachable to "warn" in the configuration of memory-fits\.$/,
    );
    assert.deepEqual(more, []);
    assert.deepEqual(await analyse(service({})), [], "one cause is reported once");

    const config = { "memory-fits": { onUnreachable: "warn" } };
    const [warning = ""] = await analyse(missing, { config });
    assert.match(warning, /^memory-notes: Model default\/gemma: whether it fits is not known/);
    assert.deepEqual(await analyse(service({}), { config }), []);
  });

  it("refuses an architecture without a rule, unless it is told to warn", async () => {
    const source = join(folder, "new.gguf");
    await writeGgufFile(source, {
      metadata: {
        "general.architecture": "brand-new",
        "brand-new.block_count": 1,
        "brand-new.context_length": 1024,
        "brand-new.embedding_length": 64,
        "brand-new.attention.head_count": 1,
        "brand-new.attention.memory_tokens": 8,
      },
      tensors: [{ name: "token_embd.weight", shape: [64, 64] }],
    });
    const spec = { source, hardware: { accelerator: "metal", memoryBudget: "1Gi" } };
    const [onModel, onService] = await reportsOn(spec, {});
    assert.deepEqual(onModel, [
      'memory-fits: Model default/gemma: the memory need is unknown (there is no rule yet for architecture "brand-new", and its key' +
        ' "brand-new.attention.memory_tokens" may mean that it is not plain attention), budget 1.0 GiB (absolute from CRD).\nTo let it pass unchecked, set onUnknownArchitecture to "warn" in the configuration of memory-fits.',
    ]);
    assert.deepEqual(onService, [], "one cause is reported once");
    const [warned, silent] = await reportsOn(spec, {}, { onUnknownArchitecture: "warn" });
    assert.match(warned?.join() ?? "", /^memory-notes: Model default\/gemma: the memory need is unknown/);
    assert.deepEqual(silent, []);
  });

  it("counts a projector, and refuses one whose header cannot be read", async () => {
    const mmproj = join(folder, "mmproj.gguf");
    await writeGgufFile(mmproj, PROJECTOR);
    assert.deepEqual(await analyse(llamaModel("1100Mi")), []);
    assert.deepEqual(await analyse(service({ contextSize: 4096 })), []);
    await analyse(llamaModel("1100Mi", { mmproj }));
    const [report = ""] = await analyse(service({ contextSize: 4096 }));
    assert.match(report, /does not fit: estimated .*\nNeeded: weights 663\.1 MiB .* \+ projector 4\d\d\.\d MiB, with/);
    const [missing = ""] = await analyse(llamaModel("1100Mi", { mmproj: "/no/mmproj.gguf" }));
    assert.match(missing, /because its projector's header cannot be read: .*there is no such file/);
  });

  it("counts the model that drafts, which must be in the stack", async () => {
    const serving = { contextSize: 4096, speculativeDecoding: { type: "draft", draftModelRef: "small" } };
    await analyse(llamaModel("1100Mi"));
    const [early = ""] = await analyse(service(serving));
    assert.match(early, /Model default\/small was not registered before it/);
    await analyseStack();
    await analyse(llamaModel("1100Mi"));
    await analyse(model({ source: llama, hardware: { accelerator: "metal", memoryBudget: "1Gi" } }, "small"));
    const [report = ""] = await analyse(service(serving));
    assert.match(report, /Model default\/gemma does not fit: estimated .*\nNeeded: .* \+ draft model 1\.0 GiB, with/);
    const large = { source: llama, hardware: { accelerator: "metal", memoryBudget: "2100Mi" } };
    await analyse(model(large));
    assert.deepEqual(await analyse(service(serving)), []);
  });

  it("does not check memory that is not shared, and says so once", async () => {
    const spec = { source: "pvc://claim/model.gguf", hardware: { accelerator: "cuda", memoryBudget: "1Gi" } };
    const [onModel, onService] = await reportsOn(spec, { contextSize: 32768 });
    assert.deepEqual(onModel, [
      "memory-notes: Model default/gemma: accelerator cuda has memory of its own, so memory-fits does not check" +
        " whether the model fits; it checks accelerator metal and cpu only, which share the memory of a Mac.",
    ]);
    assert.deepEqual(onService, []);
  });

  const unservable: ReadonlyArray<readonly [serving: object, what: RegExp]> = [
    [{ contextSize: 100 }, /spec\.contextSize is 100; it must be a whole number from 128 to 2097152/],
    [{ contextSzie: 4096 }, /spec\.contextSzie is not a field; did you mean contextSize\?/],
    [{ extraArgs: ["--ctx-size", "9"] }, /spec\.extraArgs: "--ctx-size" is refused: set spec\.contextSize/],
    [{ cacheTypeV: "q8_0", flashAttention: false }, /a V cache in q8_0 needs flash attention/],
    [
      { speculativeDecoding: { type: "ngram-mod" } },
      /spec\.speculativeDecoding\.type ngram-mod is not supported, because its memory cannot be/,
    ],
    [{ runtime: "vllm" }, /spec\.runtime is vllm, but only llamacpp can be estimated/],
  ];
  for (const [serving, what] of unservable) {
    it(`refuses a service that no estimate is for: ${what.source}`, async () => {
      await analyse(llamaModel("64Gi"));
      const [report = "", ...more] = await analyse(service(serving));
      assert.match(report, /^memory-fits: InferenceService default\/gemma: /);
      assert.match(report, what);
      assert.deepEqual(more, []);
    });
  }

  it("leaves a faulty Model to memory-budget-valid, and reports it for no service again", async () => {
    const [onModel, onService] = await reportsOn({ source: llama, hardware: { memoryBudget: "24GB" } }, {});
    assert.equal(onModel?.length, 1);
    assert.match(onModel?.[0] ?? "", /^memory-budget-valid: /);
    assert.deepEqual(onService, []);
  });

  it("reads a source once, however many Models name it", async () => {
    const source = await writeSynthetic(readTruth(), "qwen2.5-7b", folder);
    const spec = { source, hardware: { accelerator: "metal", memoryBudget: "1Gi" } };
    const [first] = await analyse(model(spec));
    await rename(source, `${source}.moved`);
    assert.equal((await analyse(model(spec)))[0], first);
    assert.match(first ?? "", /its weights alone are 4\.\d GiB/);
  });

  it("never shows credentials of a source", async () => {
    const source = "http://user:hunter2@127.0.0.1:9/model.gguf?token=hunter2";
    const reports = await analyse(model({ source, hardware: { accelerator: "metal", memoryBudget: "1Gi" } }));
    assert.match(reports.join(), /header cannot be read/);
    assert.ok(!reports.join().includes("hunter2"));
  });

  it("refuses a configuration that it does not understand", async () => {
    const config = { "memory-fits": { hostMemroy: "16Gi" } };
    assert.deepEqual(await analyse(llamaModel("1100Mi"), { config }), [
      "memory-fits: The configuration of memory-fits: hostMemroy is not a field; did you mean hostMemory?",
    ]);
  });

  it("notes what the estimate notes", async () => {
    await analyse(llamaModel("64Gi"));
    const [report = "", ...more] = await analyse(service({ contextSize: 262144 }));
    assert.match(report, /^memory-notes: InferenceService default\/gemma: the context of 262144 tokens is longer than/);
    assert.deepEqual(more, []);
  });
});
