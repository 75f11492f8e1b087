import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readHeader } from "../../gguf/read.ts";
import { tensorBytes } from "../../gguf/tensor-types.ts";
import { writeSparse } from "../support/gguf-writer.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { assertSameAsOracle, readWithOracle } from "./oracle.ts";

interface TruthModel {
  readonly architecture: string;
  readonly headerBytes: number;
  readonly fileBytes: number;
  readonly tensorBytes: number;
  readonly tensors: number;
}

const fixtures = join(import.meta.dirname, "../fixtures/truth");
const truth: Record<string, TruthModel> = JSON.parse(readFileSync(join(fixtures, "truth.json"), "utf8"));

describe("the header reader on real headers", () => {
  let folder: string;
  before(async () => {
    folder = await temporaryDirectory();
  });

  it("has a measured model for every header", () => {
    const headers = readdirSync(fixtures).filter((name) => name.endsWith(".gguf.header"));
    assert.deepEqual(headers.map((name) => name.replace(".gguf.header", "")).sort(), Object.keys(truth).sort());
  });

  for (const [name, model] of Object.entries(truth)) {
    it(`reads ${name} like the oracle`, async () => {
      const head = readFileSync(join(fixtures, `${name}.gguf.header`));
      const path = join(folder, `${name}.gguf`);
      await writeSparse(path, head, model.fileBytes);
      const read = await readHeader(path);
      assert.ok(read.ok, read.ok ? "" : read.error);
      assertSameAsOracle(read.value, await readWithOracle(head, model.fileBytes));
      assert.equal(read.value.fileBytes, model.fileBytes);
      assert.equal(read.value.dataOffset, model.headerBytes);
      assert.equal(read.value.tensors.length, model.tensors);
      assert.equal(read.value.metadata.get("general.architecture"), model.architecture);
      const sizes = read.value.tensors.map((tensor) => tensorBytes(tensor));
      const sum = sizes.reduce((total, size) => total + (size.ok ? size.value : Number.NaN), 0);
      assert.equal(sum, model.tensorBytes);
    });
  }

  it("refuses a file that misses its last byte, naming the tensor and both sizes", async () => {
    const model = truth["llama3.2-1b"];
    assert.ok(model);
    const path = join(folder, "short.gguf");
    await writeSparse(path, readFileSync(join(fixtures, "llama3.2-1b.gguf.header")), model.fileBytes - 1);
    const read = await readHeader(path);
    assert.ok(!read.ok);
    assert.match(
      read.error,
      /short\.gguf: tensor "[^"]+" ends at byte \d+, but the file has \d+ bytes: it is truncated/,
    );
    assert.match(
      read.error,
      new RegExp(`ends at byte ${model.fileBytes}, but the file has ${model.fileBytes - 1} bytes`),
    );
  });
});
