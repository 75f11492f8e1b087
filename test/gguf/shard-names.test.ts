import assert from "node:assert/strict";
import { modelFiles } from "../../agent/store/files.ts";
import { shardFiles } from "../../gguf/shards.ts";

describe("the files of a split model", () => {
  const named: ReadonlyArray<readonly [source: string, second: string, name: string]> = [
    ["/m/x-00001-of-00002.gguf", "/m/x-00002-of-00002.gguf", "x"],
    ["/m/what? #1-00001-of-00002.gguf", "/m/what? #1-00002-of-00002.gguf", "what? #1"],
    ["/m/x-00001-of-00002.gguf/y-00001-of-00003.gguf", "/m/x-00001-of-00002.gguf/y-00002-of-00003.gguf", "y"],
    ["file:///m/x-00001-of-00002.gguf", "file:///m/x-00002-of-00002.gguf", "x"],
    ["hf://o/r/Q4/x-00001-of-00002.gguf", "hf://o/r/Q4/x-00002-of-00002.gguf", "x"],
    ["hf://o/r/mix #2-00001-of-00002.gguf", "hf://o/r/mix #2-00002-of-00002.gguf", "mix #2"],
    ["hf://o/r/why?-00001-of-00002.gguf", "hf://o/r/why?-00002-of-00002.gguf", "why?"],
    ["https://h/a/x-00001-of-00002.gguf?download=true", "https://h/a/x-00002-of-00002.gguf?download=true", "x"],
    ["https://h/a/x-00001-of-00002.gguf#top", "https://h/a/x-00002-of-00002.gguf#top", "x"],
    ["https://h/a%20%231-00001-of-00002.gguf", "https://h/a%20%231-00002-of-00002.gguf", "a%20%231"],
    ["https://h/x-00001-of-00002.gguf/download", "https://h/x-00002-of-00002.gguf/download", "x"],
    [
      "https://h/files/d%2Fx-00001-of-00002.gguf/raw?ref=main",
      "https://h/files/d%2Fx-00002-of-00002.gguf/raw?ref=main",
      "d%2Fx",
    ],
    [
      "https://h/repo?Revision=master&FilePath=m-00001-of-00002.gguf",
      "https://h/repo?Revision=master&FilePath=m-00002-of-00002.gguf",
      "m",
    ],
    [
      "https://h/repo?FilePath=a/m-00001-of-00002.gguf&Revision=master",
      "https://h/repo?FilePath=a/m-00002-of-00002.gguf&Revision=master",
      "m",
    ],
    ["https://h/r?f=a%2Fm-00001-of-00002.gguf&x=1#y", "https://h/r?f=a%2Fm-00002-of-00002.gguf&x=1#y", "m"],
    [
      "https://h/x-00001-of-00002.gguf?name=%22x-00001-of-00002.gguf%22",
      "https://h/x-00002-of-00002.gguf?name=%22x-00002-of-00002.gguf%22",
      "x",
    ],
  ];
  for (const [source, second, stem] of named) {
    it(`follow ${source}`, () => {
      const [first, next] = shardFiles(source);
      assert.equal(first.source, source);
      assert.equal(next?.source, second);
      const count = /-of-(\d+)/.exec(next.name ?? "")?.[1] ?? "";
      assert.equal(first.name, `${stem}-00001-of-${count}.gguf`);
      assert.equal(next.name, `${stem}-00002-of-${count}.gguf`);
    });

    it(`are kept under names by which llama.cpp finds the second: ${source}`, () => {
      const [first, next] = modelFiles("/models", source, undefined);
      const prefix = /^\/models\/[\w.-]+(?=-00001-of-\d{5}\.gguf$)/.exec(first.path)?.[0];
      assert(prefix !== undefined, first.path);
      assert.equal(next?.path, first.path.replace("-00001-of-", "-00002-of-"));
    });
  }

  for (const source of [
    "/m/x.gguf",
    "/m/x-00001-of-00002.gguf/y.gguf",
    "/m/x-00002-of-00002.gguf",
    "/m/x-00001-of-00200.gguf",
    "file:///m/x-00001-of-00002.gguf/y",
    "hf://o/r/x-00001-of-00002.gguf/y",
    "https://h/x.gguf#x-00001-of-00002.gguf",
    "https://h/x?f=m-00001-of-00002.gguf.sha256",
    "https://h/x-00001-of-00002.gguf.txt",
  ]) {
    it(`are one: ${source}`, () => assert.deepEqual(shardFiles(source), [{ source, name: undefined }]));
  }

  it("keep the names that earlier downloads have", () => {
    const nameOf = (source: string) => modelFiles("/m", source, undefined)[0].path.replace(/^\/m\/[0-9a-f]{16}-/, "");
    assert.equal(nameOf("https://h/a/x y.gguf?download=true"), "x_y.gguf");
    assert.equal(nameOf("https://h/repo?FilePath=m.gguf"), "repo");
    assert.equal(nameOf("https://h/x-00001-of-00002.gguf?a=b"), "x-00001-of-00002.gguf");
  });
});
