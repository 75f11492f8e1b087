import assert from "node:assert/strict";
import { foreignFile } from "../../gguf/foreign-file.ts";
import { parseBytes } from "./parse-bytes.ts";

const tensors = Buffer.from('{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}');
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(tensors.length));
const tar = Buffer.alloc(512);
tar.write("weights.gguf");
tar.write("ustar", 257);

/** What a file begins with, and what is said of it. */
const FILES: readonly (readonly [string, Buffer | string, RegExp])[] = [
  ["a pointer of Git LFS", `version https://git-lfs.github.com/spec/v1\noid sha256:${"ab".repeat(32)}\n`, /Git LFS/],
  ["a web page", "<!doctype html>\n<title>model.gguf at main</title>", /a web page: .*\/resolve\//],
  ["a web page after blank lines", "\n\n  <HTML>", /a web page/],
  ["an answer in XML", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', /a web page/],
  ["a manifest of Ollama", '{"schemaVersion":2,"mediaType":"application/vnd.docker"}', /manifest of a registry/],
  ["the index of a split model", '{\n "metadata": {"total_size": 1},\n "weight_map": {}}', /safetensors/],
  ["an error of a hub", '{"error":"Access to model org/repo is restricted."}', /a JSON text/],
  ["safetensors", Buffer.concat([length, tensors, Buffer.alloc(4)]), /a safetensors file/],
  ["whisper's ggml", Buffer.concat([Buffer.from("lmgg"), Buffer.alloc(60)]), /an old ggml file .*whisper\.cpp/],
  ["ggjt", "tjgg\u0003", /an old ggml file/],
  ["an adapter of 2023", "algg", /a LoRA adapter in the old ggla format/],
  ["a PyTorch archive", Buffer.from("PK\u0003\u0004", "latin1"), /a ZIP archive, as PyTorch/],
  ["a pickle", Buffer.from([0x80, 2, 0x63]), /a Python pickle/],
  ["gzip", Buffer.from([0x1f, 0x8b, 8]), /compressed/],
  ["tar", tar, /an archive/],
  ["a llamafile", Buffer.from("MZqFpD='\n"), /a program, as a llamafile/],
  ["a program of a Mac", Buffer.from([0xcf, 0xfa, 0xed, 0xfe]), /a program/],
  ["HDF5", Buffer.from("\x89HDF\r\n", "latin1"), /an HDF5 file/],
  ["a hole", Buffer.alloc(512), /begins with zeros/],
  ["anything else", "\u001b[2Jhello", /^not a GGUF file: it begins with "\ufffd\[2J" instead of "GGUF"$/],
];

describe("a file that is no GGUF", () => {
  for (const [what, begin, said] of FILES) {
    it(`is said to be ${what}`, () => {
      const bytes = Buffer.from(begin as Buffer);
      assert.match(foreignFile(bytes), said);
      if (bytes.length < 4) return;
      for (const pieceBytes of [1, 3, 4096]) {
        const { result } = parseBytes(bytes, bytes.length, pieceBytes);
        assert.ok(!result.ok);
        assert.equal(result.error, foreignFile(bytes));
      }
    });
  }

  it("is told from its first bytes, however large it is", () => {
    const { result, requests } = parseBytes(Buffer.from("<html>".repeat(100)), 2 ** 40);
    assert.match(JSON.stringify(result), /a web page/);
    assert.deepEqual(requests, [0]);
  });
});
