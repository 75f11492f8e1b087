import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildNote, LEAST_BUILD, parseBuild, readBuild } from "../../../agent/llama-server/build.ts";
import { librariesProblem } from "../../../agent/llama-server/libraries.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("the build of a llama-server", () => {
  const backends = "load_backend: loaded BLAS backend from /opt/homebrew/lib/libggml-blas.so\n";
  const cases: readonly (readonly [printed: string, number: number | undefined, note: RegExp | undefined])[] = [
    ["version: 9776 (ac4105d68)\nbuilt with GNU 11.4.0 for Linux x86_64", 9776, undefined],
    [`${backends}version: 9460 (de6f727aa)\n`, LEAST_BUILD, undefined],
    [
      "version: 9459 (1234abc)",
      9459,
      /^llama-server is build 9459, and estimates hold from build 9460 on.*brew upgrade/,
    ],
    ["version: 3383", 3383, /is build 3383/],
    ["version b9484 (63e66fdd2)\n", 9484, undefined],
    ["version: 0.3.0-dev (build 10621, commit c1d0e7a00)", 10621, undefined],
    ["version: 0.6.0-dev (build 0, commit unknown)", undefined, undefined],
    ["version: 0.2.0-dev (build 1, commit abc)", undefined, undefined],
    ["version: 1.0.0", undefined, undefined],
    ["version: 0 (unknown)", undefined, /^llama-server says only "version: 0 \(unknown\)", so it is not known whether/],
    ["version: 1 (abc)", undefined, /says only/],
    ["a server\n", undefined, /^llama-server prints no version, so it is not known/],
  ];
  for (const [printed, number, note] of cases) {
    it(`${JSON.stringify(printed)}: ${note === undefined ? "estimates hold" : String(note)}`, () => {
      const build = parseBuild(printed);
      assert.equal(build.number, number);
      const said = buildNote(build);
      if (note === undefined) assert.equal(said, undefined);
      else assert.match(said ?? "", note);
    });
  }

  it("is read from the stream on which it is printed, and is unknown for what does not run", async () => {
    const path = join(await temporaryDirectory(), "stand-in-llama-server");
    await writeFile(path, "#!/bin/sh\necho 'version: 9776 (ac4105d68)' >&2\n");
    await chmod(path, 0o755);
    assert.equal((await readBuild(path)).number, 9776);
    assert.deepEqual(await readBuild("/no/llama-server"), { text: undefined, number: undefined, semantic: false });
  });
});

describe("a llama-server whose libraries do not fit", () => {
  const cases: readonly (readonly [printed: string, says: RegExp | undefined])[] = [
    [
      'llama-server --help failed (SIGABRT): "dyld[812]: Library not loaded: /opt/homebrew/opt/ggml/lib/libggml.0.dylib"',
      /^\/p cannot load its libraries \("dyld\[812\]: Library not loaded: \/opt\/homebrew\/opt\/ggml\/lib\/libggml\.0\.dylib"\): .*brew reinstall ggml llama\.cpp$/,
    ],
    ["dyld[1]: Symbol not found: _ggml_backend_dev_memory", /Symbol not found: _ggml_backend_dev_memory/],
    ["llama-server --help failed (1)", undefined],
  ];
  for (const [printed, says] of cases) {
    it(`${printed}: ${says === undefined ? "another reason" : "one sentence with the remedy"}`, () => {
      const problem = librariesProblem("/p", printed);
      if (says === undefined) assert.equal(problem, undefined);
      else assert.match(problem ?? "", says);
    });
  }
});
