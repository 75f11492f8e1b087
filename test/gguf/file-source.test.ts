import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { readHeader } from "../../gguf/read.ts";
import { ggufFileBytes, writeGguf, writeGgufFile } from "../support/gguf-writer.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { parseBytes } from "./parse-bytes.ts";

describe("reading a header from a file", () => {
  let folder: string;
  before(async () => {
    folder = await temporaryDirectory();
  });

  async function refusal(path: string): Promise<string> {
    const read = await readHeader(path);
    assert.ok(!read.ok, "it was accepted");
    return read.error;
  }

  it("takes paths, file:// and links", async () => {
    const path = join(folder, "a model.gguf");
    await writeGgufFile(path, { metadata: { "general.architecture": "llama" }, tensors: [{ name: "w", shape: [8] }] });
    await symlink(path, join(folder, "link.gguf"));
    const read = await readHeader(path);
    assert.ok(read.ok, read.ok ? "" : read.error);
    assert.deepEqual(await readHeader(pathToFileURL(path).href), read);
    assert.deepEqual(await readHeader(join(folder, "link.gguf")), read);
  });

  it("reads headers of many pieces, whatever lies on a border between two", async () => {
    const texts = Array.from({ length: 500 }, (_, index) => [`key ${index}`, `${index}-`.repeat(700)] as const);
    const tokens = Array.from({ length: 60_000 }, (_, index) => `token ${index}`);
    const model = { metadata: [...texts, ["tokens", tokens] as const], tensors: [{ name: "w", shape: [8] }] };
    const path = join(folder, "large.gguf");
    await writeGgufFile(path, model);
    const fileBytes = ggufFileBytes(model);
    assert.deepEqual(await readHeader(path), parseBytes(writeGguf(model), fileBytes, fileBytes).result);
  });

  it("refuses what is no readable file, in one sentence", async () => {
    assert.equal(await refusal(folder), `${folder}: it is a directory: name the .gguf file in it`);
    assert.equal(await refusal(join(folder, "no.gguf")), `${join(folder, "no.gguf")}: there is no such file`);
    assert.match(await refusal("/dev/null"), /^\/dev\/null: it is not a regular file$/);
    const empty = join(folder, "empty.gguf");
    await writeFile(empty, "");
    assert.equal(await refusal(empty), `${empty}: the file is empty (0 bytes)`);
    assert.match(
      await refusal(join(empty, "below.gguf")),
      /there is no such file: a part of its path is not a directory$/,
    );
    assert.match(await refusal(`/${"x".repeat(300)}.gguf`), /its path is too long$/);
  });

  it("stops when it is told to", async () => {
    const path = join(folder, "cancelled.gguf");
    await writeGgufFile(path, {});
    const read = await readHeader(path, { signal: AbortSignal.abort() });
    assert.deepEqual(read, { ok: false, kind: "interrupted", error: `${path}: reading the header was cancelled` });
  });

  it("does not wait for a pipe", async () => {
    const pipe = join(folder, "pipe.gguf");
    await promisify(execFile)("mkfifo", [pipe]);
    assert.equal(await refusal(pipe), `${pipe}: it is not a regular file`);
  });

  it("says when this user may not read it", async function () {
    if (process.getuid?.() === 0) this.skip();
    const path = join(folder, "private.gguf");
    await writeGgufFile(path, {});
    await chmod(path, 0);
    assert.equal(await refusal(path), `${path}: this user may not read it`);
  });
});
