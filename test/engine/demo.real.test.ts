import assert from "node:assert/strict";
import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { ensureTool } from "../../toolchain/ensure.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const DEMO = join(import.meta.dirname, "../../examples/demo/main.ts");

function startDemo(folder: string) {
  return execa(process.execPath, [DEMO], { reject: false, stdin: "ignore", env: { TMPDIR: folder } });
}

/** Command lines of the processes whose output goes to a file under `folder`; on Linux only, elsewhere none are found. */
async function processesOf(folder: string): Promise<readonly string[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((entry) => /^\d+$/.test(entry));
  const outputs = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/fd/1`).catch(() => "")));
  const ours = pids.filter((_, index) => outputs[index]?.startsWith(folder));
  return Promise.all(ours.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
}

describe("npm run demo", function () {
  this.timeout(10 * 60_000);
  let folder = "";
  before(async function () {
    this.timeout(0);
    folder = await temporaryDirectory();
    await ensureTool("gemma3-270m");
    await ensureTool("llama-server");
  });

  it("refuses, brings up, shows, enforces and destroys, and leaves no process", async () => {
    const { stdout, stderr, exitCode } = await startDemo(folder);
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    const expected = [
      /1\. pulumi preview: [\s\S]*estimated .* required, budget 400\.0 MiB \(memoryBudget\)/,
      /What would fit: a context of \d+ tokens/,
      /2\. pulumi up: [\s\S]*The capital of France is \S+/,
      /3\. pulumi-llmkube status:[\s\S]*default\/gemma[^\n]*Ready/,
      /4\. The budget is lowered [\s\S]*(BudgetExceeded|InsufficientMemory): [^\n]*budget 128\.0 MiB \(absolute from CRD\)/,
      /5\. pulumi destroy[\s\S]*Everything is gone/,
    ];
    for (const part of expected) assert.match(stdout, part);
    assert.deepEqual(await processesOf(folder), []);
    assert.ok(!(await readdir(folder)).some((name) => name.startsWith("pulumi-llmkube-demo")));
  });

  it("stops what it started on Ctrl-C", async () => {
    const demo = startDemo(folder);
    await new Promise<void>((resolve) => {
      let seen = "";
      demo.stdout.on("data", (text: Buffer) => {
        seen += text;
        if (seen.includes("2. pulumi up")) resolve();
      });
      demo.then(() => resolve(), resolve);
    });
    demo.kill("SIGINT");
    const { exitCode } = await demo;
    assert.equal(exitCode, 130);
    assert.deepEqual(await processesOf(folder), []);
    assert.ok(!(await readdir(folder)).some((name) => name.startsWith("pulumi-llmkube-demo")));
  });
});
