import assert from "node:assert/strict";
import { join } from "node:path";
import { type WriterModel, writeGgufFile } from "../support/gguf-writer.ts";
import { inProcess } from "../support/in-process.ts";
import { llamaTensors } from "../support/llama-tensors.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** A title, an erased screen in two ways, a turned direction, a tab, and a line of its own. */
const EVIL = "x\u001b]0;owned\u0007\u001b[2J\u009b2J\u202e\t\nReady\u007f";
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const COMMANDS = /[\0-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

function llama(architecture: string, keys: WriterModel["metadata"] = {}): WriterModel {
  const own = { block_count: 1, context_length: 4096, embedding_length: 64, feed_forward_length: 64 };
  const named = Object.entries({ ...own, "attention.head_count": 1 });
  const metadata = Object.fromEntries(named.map(([key, value]) => [`${architecture}.${key}`, value]));
  return { metadata: { "general.architecture": architecture, ...metadata, ...keys }, tensors: llamaTensors(1) };
}

/** What may be forged in a file. */
const FILES: Readonly<Record<string, WriterModel>> = {
  "the architecture": llama(EVIL),
  "the architecture alone": { metadata: { "general.architecture": EVIL }, tensors: llamaTensors(1) },
  "a key": llama("newarch", { [`newarch.${EVIL}`]: 1 }),
  "a value of a key": llama("llama", { "llama.attention.head_count": EVIL }),
  "the name": llama("llama", { "general.name": EVIL, "general.license": EVIL }),
  "a tensor's name": { ...llama("llama"), tensors: [{ name: EVIL, shape: [5, 5], type: 12 }] },
  "two tensors' name": { ...llama("llama"), tensors: [1, 2].map(() => ({ name: EVIL, shape: [4] })) },
  "the type": llama("llama", { "general.type": EVIL }),
  "the shard": llama("llama", { "split.count": 2, "split.no": EVIL }),
  "an alignment": llama("llama", { "general.alignment": EVIL }),
};

describe("what estimate prints of a file", () => {
  for (const [what, model] of Object.entries(FILES)) {
    it(`holds no commands for a terminal where ${what} does`, async () => {
      const path = join(await temporaryDirectory(), "model.gguf");
      await writeGgufFile(path, model);
      for (const flags of [
        [],
        ["--json"],
        ["--grid", "--memory-budget", "1Gi"],
        ["--lora", path],
        ["--mmproj", path],
      ]) {
        const { stdout, stderr } = await inProcess("estimate", path, ...flags);
        const printed = `${stdout}\n${stderr}`;
        assert.doesNotMatch(printed, COMMANDS);
        assert.doesNotMatch(printed, /^Ready/m);
        assert.ok(printed.trim() !== "");
      }
    });
  }

  it("holds none where the file's name does", async () => {
    const { stderr, exitCode } = await inProcess("estimate", "/tmp/\u001b[2J\u009b.gguf");
    assert.equal(exitCode, 2);
    assert.match(stderr, /\ufffd\[2J\ufffd\.gguf/);
    assert.doesNotMatch(stderr, COMMANDS);
  });
});

describe("what is printed of a bad command line", () => {
  const lines: ReadonlyArray<readonly [what: string, args: readonly string[]]> = [
    ["a command", [EVIL]],
    ["an option", [`--${EVIL}`]],
    ["an option of a command", ["estimate", `--${EVIL}`]],
    ["a value of an option", ["logs", "x", "--tail", EVIL]],
    ["a choice", ["estimate", "x.gguf", "--backend", EVIL]],
    ["an option of a command below another", ["agent", "install", `--${EVIL}`]],
    ["one argument too many", ["status", EVIL, EVIL]],
  ];
  for (const [what, args] of lines) {
    it(`holds no commands for a terminal where ${what} does`, async () => {
      const { stdout, stderr, exitCode } = await inProcess(...args);
      assert.equal(exitCode, 2);
      assert.match(stderr, /^error: /);
      assert.doesNotMatch(stdout + stderr, COMMANDS);
    });
  }
});
