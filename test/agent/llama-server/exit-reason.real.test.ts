import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import getPort from "get-port";
import { exitReason } from "../../../agent/llama-server/exit-reason.ts";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { type WriterModel, type WriterTensor, type WriterValue, writeGguf } from "../../support/gguf-writer.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const KEYS: Readonly<Record<string, WriterValue>> = {
  "general.architecture": "llama",
  "llama.context_length": 512,
  "llama.embedding_length": 64,
  "llama.block_count": 1,
  "llama.feed_forward_length": 128,
  "llama.attention.head_count": 2,
  "llama.attention.layer_norm_rms_epsilon": 1e-5,
  "llama.vocab_size": 32,
  "tokenizer.ggml.model": "no_vocab",
};
const EMBEDDINGS: WriterTensor = { name: "token_embd.weight", shape: [64, 32] };
const DATA = Buffer.alloc(64 * 32 * 4);

const model = (keys: Readonly<Record<string, WriterValue>>, part: Partial<WriterModel> = {}) =>
  Buffer.concat([writeGguf({ metadata: { ...KEYS, ...keys }, tensors: [EMBEDDINGS], ...part }), DATA]);
const split = (number: number) =>
  model({
    "split.no": { type: "u16", value: number },
    "split.count": { type: "u16", value: 2 },
    "split.tensors.count": { type: "i32", value: 2 },
  });

/** What the real server says of files that it cannot load, so that a version which says it in other words is seen. */
describe("why the real llama-server ended", function () {
  this.timeout(60_000);
  let folder = "";
  before(async () => {
    folder = await temporaryDirectory();
  });

  async function reasonOf(args: readonly string[]) {
    const all = ["--host", "127.0.0.1", "--port", String(await getPort()), ...args];
    const { exitCode, all: log } = await execa(await ensureTool("llama-server"), all, { reject: false, all: true });
    return exitReason({ code: exitCode ?? null, signal: null }, log.replaceAll(folder, "").slice(-8192));
  }

  const files: ReadonlyArray<
    readonly [about: string, bytes: Uint8Array | string, reason: string, says: RegExp, remedy: RegExp]
  > = [
    [
      "an architecture of tomorrow",
      model({ "general.architecture": "llama9" }),
      "UnknownArchitecture",
      /unknown model architecture: 'llama9'$/,
      /update llama\.cpp/,
    ],
    [
      "a tokenizer of tomorrow",
      model({ "tokenizer.ggml.model": "new" }),
      "UnknownTokenizer",
      /unknown tokenizer: 'new'$/,
      /update llama\.cpp/,
    ],
    [
      "a type of tomorrow",
      model({}, { tensors: [{ ...EMBEDDINGS, type: 200 }] }),
      "UnsupportedFile",
      /has invalid ggml type 200/,
      /update llama\.cpp/,
    ],
    ["a format of tomorrow", model({}, { version: 99 }), "UnsupportedFile", /is version 99/, /update llama\.cpp/],
    ["an old format", model({}, { version: 1 }), "UnsupportedFile", /GGUFv1 is no longer/, /a newer conversion/],
    ["no architecture", model({ "general.architecture": "" }), "LoadFailed", /architecture: ''$/, /it is no model/],
    ["too few tensors", model({}), "MissingTensor", /tensor 'output_norm\.weight' not found$/, /a newer conversion/],
    [
      "a tensor of another shape",
      model({}, { tensors: [{ ...EMBEDDINGS, shape: [32, 32] }] }),
      "MissingTensor",
      /'token_embd\.weight' has wrong shape/,
      /a newer conversion/,
    ],
    [
      "too few keys",
      writeGguf({ metadata: { "general.architecture": "llama" }, tensors: [] }),
      "BadHeader",
      /key not found in model: llama\.context_length$/,
      /a newer conversion/,
    ],
    ["half of the tensors", model({}).subarray(0, -4096), "IncompleteFile", /not within the file bounds/, /fetch/],
    ["half of the header", model({}).subarray(0, 200), "IncompleteFile", /failed to read key-value pairs$/, /fetch/],
    ["a page of a hub", "<html>not found</html>", "NoGguf", /invalid magic characters: '<htm'/, /fetch/],
    ["nothing", "", "NoGguf", /failed to read magic$/, /fetch/],
    ["a projector", model({ "general.architecture": "clip" }), "NoModel", /CLIP cannot be used/, /beside a model/],
    ["the second shard", split(1), "BadShards", /illegal split file idx: 1/, /the first is not named/],
  ];
  for (const [about, bytes, reason, says, remedy] of files) {
    it(`is told of a file with ${about}`, async () => {
      const path = join(folder, "one-00001-of-00002.gguf");
      await writeFile(path, bytes);
      const told = await reasonOf(["--model", path]);
      assert.equal(told.reason, reason, told.message);
      assert.match(told.message, /^llama-server exited \(exit code 1\): .*; it said: /);
      assert.match(told.message, says);
      assert.match(told.message, remedy);
    });
  }

  it("is told of a shard that is not there", async () => {
    const path = join(folder, "two-00001-of-00002.gguf");
    await writeFile(path, split(0));
    const { reason, message } = await reasonOf(["--model", path]);
    assert.equal(reason, "FileMissing", message);
    assert.match(message, /failed to open GGUF file '\/two-00002-of-00002\.gguf' \(No such file or directory\)$/);
  });

  const flags: ReadonlyArray<readonly [args: readonly string[], reason: string, says: RegExp]> = [
    [["--model", "/absent.gguf"], "FileMissing", /'\/absent\.gguf' \(No such file or directory\)$/],
    [["--model", "/m", "--frobnicate"], "BadFlag", /invalid argument: --frobnicate$/],
    [["--model", "/m", "--token=hf_secret"], "BadFlag", /invalid argument: --token=\.\.\.$/],
    [["--model", "/m", "--cache-type-k", "q9"], "BadFlag", /Unsupported cache type: q9$/],
    [
      ["--model", "/m", "--jinja", "--chat-template", "{% if %}"],
      "BadChatTemplate",
      /Unexpected token: %\}|is not supported: \{% if %\}$/,
    ],
  ];
  for (const [args, reason, says] of flags) {
    it(`is told of ${args.join(" ")}`, async () => {
      const told = await reasonOf(args);
      assert.equal(told.reason, reason, told.message);
      assert.match(told.message, says);
    });
  }

  it("is told of a port that another process has", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    const { reason, message } = await reasonOf(["--model", "/m", "--port", String(port)]);
    server.close();
    assert.equal(reason, "PortInUse", message);
    assert.match(message, new RegExp(`port: ${port}$`));
  });

  const gemma: ReadonlyArray<readonly [about: string, args: (path: string) => string[], reason: string, says: RegExp]> =
    [
      [
        "more context than there is memory",
        () => ["--ctx-size", "131072000", "--fit", "off"],
        "OutOfMemory",
        /failed to allocate/,
      ],
      ["a model as a projector", (path) => ["--mmproj", path], "BadProjector", /failed to load multimodal model/],
      [
        "a model as an adapter",
        (path) => ["--lora", path],
        "BadAdapter",
        /expect general\.type to be 'adapter', but got: model$/,
      ],
      [
        "a quantised V cache without flash attention",
        () => ["--flash-attn", "off", "--cache-type-v", "q8_0"],
        "BadCacheType",
        /quantized V cache requires flash_attn/,
      ],
    ];
  for (const [about, args, reason, says] of gemma) {
    it(`is told of ${about}`, async () => {
      const path = await ensureTool("gemma3-270m");
      const told = await reasonOf(["--model", path, "--ctx-size", "512", "--no-warmup", ...args(path)]);
      // On Metal it is its own kind of memory that runs out.
      assert.match(told.reason, new RegExp(`${reason}$`), told.message);
      assert.match(told.message, says);
    });
  }
});
