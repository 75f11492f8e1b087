import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { readHeader } from "../../gguf/read.ts";
import { ggufFileBytes, type WriterModel, type WriterValue, writeGgufFile } from "../support/gguf-writer.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** A model in three files as `llama-gguf-split` makes it: the first has every key, the others only `split.*`. */
function shard(index: number, changes: Record<string, WriterValue> = {}, tensor = `blk.${index}.w`): WriterModel {
  const model: Record<string, WriterValue> = index === 0 ? { "general.architecture": "llama" } : {};
  const split = { "split.no": index, "split.count": 3, "split.tensors.count": { type: "i32", value: 3 } } as const;
  return { metadata: { ...model, ...split, ...changes }, tensors: [{ name: tensor, shape: [256, 256], type: 12 }] };
}

describe("split models", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryDirectory();
  });

  async function write(...models: readonly WriterModel[]): Promise<string> {
    for (const [index, model] of models.entries()) await writeGgufFile(path(index + 1), model);
    return path(1);
  }

  function path(number: number): string {
    return join(folder, `m-0000${number}-of-00003.gguf`);
  }

  async function refusal(source: string): Promise<string> {
    const read = await readHeader(source);
    assert.ok(!read.ok, "it was accepted");
    return read.error;
  }

  it("are read whole from their first shard", async () => {
    const models = [shard(0), shard(1), shard(2)];
    const read = await readHeader(await write(...models));
    assert.ok(read.ok, read.ok ? "" : read.error);
    assert.deepEqual(
      read.value.tensors.map(({ name }) => name),
      ["blk.0.w", "blk.1.w", "blk.2.w"],
    );
    assert.equal(
      read.value.fileBytes,
      models.reduce((sum, model) => sum + ggufFileBytes(model), 0),
    );
    assert.equal(read.value.metadata.get("general.architecture"), "llama");
    assert.equal(read.value.metadata.get("split.no"), 0);
  });

  it("need every shard", async () => {
    assert.match(await refusal(await write(shard(0), shard(1))), /m-00003-of-00003\.gguf: there is no such file$/);
  });

  it("are named by their first shard", async () => {
    await write(shard(0), shard(1), shard(2));
    assert.match(
      await refusal(path(2)),
      /00002-of-00003\.gguf: it is not the first of 3 shards: name the file that ends in -00001-of-00003\.gguf$/,
    );
  });

  it("need their shards' names", async () => {
    await copyFile(await write(shard(0), shard(1), shard(2)), join(folder, "renamed.gguf"));
    assert.match(
      await refusal(join(folder, "renamed.gguf")),
      /first of 3 shards, but its name does not end in -00001-of-00003/,
    );
  });

  it("are of one model, in order", async () => {
    const strange = /m-00001-of-00003\.gguf: shard 3 is of another model or out of order$/;
    assert.match(await refusal(await write(shard(0), shard(1), shard(1))), strange);
    assert.match(await refusal(await write(shard(0), shard(1), shard(2, { "split.count": 4 }))), strange);
    assert.match(await refusal(await write(shard(0), shard(1), shard(2, { "split.tensors.count": 9 }))), strange);
    assert.match(
      await refusal(await write(shard(0), shard(1), shard(2, { "general.architecture": "gemma3" }))),
      strange,
    );
  });

  it("hold each tensor once, and all of them", async () => {
    assert.match(
      await refusal(await write(shard(0), shard(1), shard(2, {}, "blk.1.w"))),
      /tensor "blk.1.w" is in two shards$/,
    );
    const four = { "split.tensors.count": 4 };
    assert.match(
      await refusal(await write(shard(0, four), shard(1, four), shard(2, four))),
      /key "split.tensors.count" is 4, but the shards hold 3 tensors$/,
    );
  });

  it("have a sane number of shards", async () => {
    for (const count of [-1, 1e9, "three", [3]]) {
      assert.match(
        await refusal(await write(shard(0, { "split.count": count }))),
        /key "split.count" holds no number of shards/,
      );
    }
    assert.ok((await readHeader(await write(shard(0, { "split.count": 1 })))).ok);
  });
});
