import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { ensureTool } from "../../toolchain/ensure.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { M1, M4_MAX_64 } from "./chips.ts";
import { macWith, type Particulars } from "./mac.ts";
import { playMac } from "./stand-ins.ts";

const DEMO = join(import.meta.dirname, "../../examples/demo/main.ts");

const MACS: readonly (readonly [name: string, mac: Particulars])[] = [
  ["a base M1 with 8 GiB, whose kernel has no limit", { chip: M1, version: "14.0", taskpolicy: "no such option" }],
  [
    "an M4 Max with 64 GiB, whose kernel enforces the limit",
    { chip: M4_MAX_64, version: "26.2", taskpolicy: "enforced" },
  ],
];

const STEPS = [
  /1\. pulumi preview: [\s\S]*estimated .* required, budget 400\.0 MiB \(memoryBudget\)/,
  /What would fit: /,
  /2\. pulumi up: [\s\S]*The capital of France is \S+/,
  /3\. pulumi-llmkube status:[\s\S]*default\/gemma[^\n]*Ready/,
  /4\. The budget is lowered [\s\S]*(BudgetExceeded|InsufficientMemory): [^\n]*budget 128\.0 MiB \(absolute from CRD\)/,
  /5\. pulumi destroy[\s\S]*Everything is gone/,
];

/** The demo as it is, with the real Pulumi, a real llama-server and real weights; everything of a Mac is a stand-in. */
describe("npm run demo on a Mac that is played", function () {
  this.timeout(10 * 60_000);
  before(async function () {
    if (process.platform === "darwin") return this.skip();
    this.timeout(0);
    await ensureTool("pulumi");
  });

  for (const [name, particulars] of MACS) {
    it(name, async () => {
      const mac = await playMac(macWith(particulars));
      const folder = await temporaryDirectory();
      // The demo takes the llama-server that PATH has, as on a Mac with Homebrew's.
      const path = `${dirname(mac.llamaServer)}:${mac.env["PATH"]}`;
      const env = { ...mac.env, PATH: path, TMPDIR: folder };
      const { stdout, stderr, exitCode } = await execa(process.execPath, [DEMO], {
        reject: false,
        stdin: "ignore",
        env,
      });
      assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
      for (const step of STEPS) assert.match(stdout, step);
      assert.ok(!(await readdir(folder)).some((entry) => entry.startsWith("pulumi-llmkube-demo")));
    });
  }
});
