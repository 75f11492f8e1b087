import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { architectureNames, classesInProgram, classesOf, namesInProgram } from "../../support/architecture-names.ts";

describe("the architectures of the llama-server at hand", function () {
  this.timeout(600_000);

  it("are all in test/fixtures/llama-cpp-architectures.txt, so that none is forgotten silently", async () => {
    const found = namesInProgram(await readFile(await ensureTool("llama-server", () => {})));
    assert.ok(found.length > 100, `only ${found.length} names were found in the program`);
    const known = new Set(architectureNames());
    assert.deepEqual(
      found.filter((name) => !known.has(name)),
      [],
    );
  });

  it("have one class each in the program, and it has no other", async () => {
    const program = await readFile(await ensureTool("llama-server", () => {}));
    assert.deepEqual(classesInProgram(program), classesOf(architectureNames()));
  });
});
