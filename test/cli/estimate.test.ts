import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { execa } from "execa";
import { writeGgufFile } from "../support/gguf-writer.ts";
import { inProcess } from "../support/in-process.ts";
import { LORA_ADAPTER, LORA_ADAPTER_BYTES } from "../support/lora-adapter.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** Built (`npm run build`), as npx pulumi-llmkube runs it. */
const CLI = join(import.meta.dirname, "../../bin/pulumi-llmkube.js");
const truth = readTruth();
function estimate(...args: readonly string[]) {
  return inProcess("estimate", ...args);
}

describe("pulumi-llmkube estimate", function () {
  this.timeout(60_000);
  let folder = "";
  let llama = "";
  before(async () => {
    folder = await temporaryDirectory();
    llama = await writeSynthetic(truth, "llama3.1-8b", folder);
  });

  it("prints the contract as JSON without budget keys where no budget was given", async () => {
    const { stdout, exitCode } = await estimate(llama, "--context-size", "8192", "--parallel", "auto", "--json");
    assert.equal(exitCode, 0);
    const answer = JSON.parse(stdout);
    assert.deepEqual(Object.keys(answer), [
      ...["architecture", "fileBytes", "weightsBytes", "contextBytes", "computeBytes", "outputBytes", "totalBytes"],
      ...["parts", "confidence", "notes"],
    ]);
    assert.equal(answer.architecture, "llama");
    assert.equal(answer.fileBytes, 4653393408);
    assert.equal(answer.weightsBytes, 4653375488);
    assert.deepEqual(answer.contextBytes, { kv: 1024 * 2 ** 20, recurrent: 0 });
    assert.equal(answer.outputBytes, 4 * 128256 * 4);
    assert.equal(answer.confidence, "exact");
  });

  it("exits 1 with the budget and the largest context where it does not fit", async () => {
    const { stdout, exitCode } = await estimate(llama, "--context-size", "131072", "--memory-budget", "12Gi", "--json");
    assert.equal(exitCode, 1);
    const answer = JSON.parse(stdout);
    assert.deepEqual(answer.budget, { bytes: 12 * 2 ** 30, source: "crd-budget" });
    assert.equal(answer.fits, false);
    assert.equal(answer.headroomBytes, 0);
    const again = await estimate(
      llama,
      "--context-size",
      String(answer.maxContextSize),
      "--memory-budget",
      "12Gi",
      "--json",
    );
    assert.equal(again.exitCode, 0);
    assert.equal(JSON.parse(again.stdout).fits, true);
  });

  it("takes the fraction of the host that is named", async () => {
    const { stdout } = await estimate(llama, "--memory-fraction", "0.5", "--host-memory", "32Gi", "--json");
    assert.deepEqual(JSON.parse(stdout).budget, { bytes: 16 * 2 ** 30, source: "crd-fraction" });
  });

  const onEight = ["--memory-budget", "8Gi", "--host-memory", "8Gi"];
  const hosts: readonly (readonly [args: readonly string[], exitCode: number, says: RegExp])[] = [
    [
      onEight,
      1,
      /does not fit: estimated \d\.\d GiB required, but all models of the machine together may use 4\.0 GiB \(8\.0 GiB less 4\.0 GiB kept for macOS \(--reserve\)\)/,
    ],
    [[...onEight, "--reserve", "1Gi"], 0, /fits: budget 8\.0 GiB .*, [12]\.\d GiB to spare; a context of up to \d+/],
    [[...onEight, "--backend", "cpu"], 0, /fits: budget 8\.0 GiB/],
    [
      [...onEight, "--backend", "cpu", "--reserve", "4Gi"],
      1,
      /8\.0 GiB less 4\.0 GiB kept for the system \(--reserve\)/,
    ],
    [["--memory-budget", "8Gi"], 0, /fits: budget 8\.0 GiB/],
    [["--host-memory", "4Gi"], 2, /^$/],
    [[...onEight, "--reserve", "4"], 2, /^$/],
  ];
  for (const [args, code, says] of hosts) {
    it(`leaves the host its reserve: ${args.join(" ")}`, async () => {
      const { stdout, stderr, exitCode } = await estimate(llama, "--context-size", "4096", "--parallel", "1", ...args);
      assert.equal(exitCode, code, stderr);
      assert.match(stdout, says);
      if (code === 2) assert.match(stderr, /no model can run here|--reserve "4" is too little/);
    });
  }

  it("tells a person where the memory goes and what would fit", async () => {
    const { stdout, exitCode } = await estimate(llama, "--context-size", "131072", "--memory-budget", "12Gi");
    assert.equal(exitCode, 1);
    for (const part of [
      /KV cache +16\.0 GiB/,
      /does not fit: estimated .* required, budget 12\.0 GiB \(absolute from CRD\)/,
      /What would fit: a context of \d+ tokens/,
    ]) {
      assert.match(stdout, part);
    }
  });

  it("shows what Metal holds twice and while loading, unless the weights are mapped", async () => {
    const small = await writeSynthetic(truth, "llama3.2-1b", folder);
    const read = await estimate(small, "--context-size", "256");
    assert.match(read.stdout, /second copy of the embeddings +140\.9 MiB/);
    assert.match(read.stdout, /loading peak +\d+\.\d MiB/);
    const { parts } = JSON.parse((await estimate(small, "--load-mode", "mmap", "--json")).stdout);
    assert.deepEqual(["tiedCopy" in parts, "loading" in parts], [false, false]);
  });

  it("compares several sources, and shows the good ones beside a bad one", async () => {
    const both = await estimate(llama, llama, "--memory-budget", "12Gi");
    assert.equal(both.exitCode, 0);
    assert.match(both.stdout, /^ +total +(4\.\d GiB) +\1$/m);
    const array = await estimate(llama, llama, "--context-size", "131072", "--memory-budget", "12Gi", "--json");
    assert.equal(array.exitCode, 1);
    assert.deepEqual(
      JSON.parse(array.stdout).map(({ fits }: { fits: boolean }) => fits),
      [false, false],
    );
    const mixed = await estimate(llama, join(folder, "nothing.gguf"), "--json");
    assert.equal(mixed.exitCode, 2);
    assert.match(mixed.stderr, /nothing\.gguf/);
    const [good, bad, ...more] = JSON.parse(mixed.stdout);
    assert.deepEqual([good.source, good.confidence, more.length], [llama, "exact", 0]);
    const nothing = join(folder, "nothing.gguf");
    assert.deepEqual(bad, { source: nothing, error: `${nothing}: there is no such file`, kind: "not-found" });
  });

  it("prints what failed as JSON too: the sentence, its kind, and when to come back", async () => {
    const busy = createServer((_, response) => response.writeHead(429, { "retry-after": "3600" }).end());
    await new Promise<void>((resolve) => busy.listen(0, "127.0.0.1", resolve));
    const { port } = busy.address() as AddressInfo;
    try {
      const source = `http://127.0.0.1:${port}/m.gguf`;
      const { stdout, stderr, exitCode } = await estimate(source, "--json");
      assert.equal(exitCode, 2);
      const error = `${source}: 127.0.0.1:${port} answers 429 and asks to wait 3600 s`;
      assert.deepEqual(JSON.parse(stdout), { error, kind: "throttled", retryAfterMs: 3_600_000 });
      assert.equal(stderr, `pulumi-llmkube: ${error}`);
    } finally {
      busy.close();
    }
    const several = await estimate(join(folder, "a.gguf"), "pvc://claim/b.gguf", "--json");
    assert.equal(several.exitCode, 2);
    assert.deepEqual(
      JSON.parse(several.stdout).map(({ kind }: { kind: string }) => kind),
      ["not-found", "unsupported"],
    );
    const budget = await estimate(llama, "--memory-budget", "24GB", "--json");
    assert.equal(JSON.parse(budget.stdout).kind, "invalid");
  });

  it("exits with the worst of several sources: unknown before not fitting, bad input before both", async () => {
    const strange = join(folder, "strange.gguf");
    await writeGgufFile(strange, {
      metadata: { "general.architecture": "unheard-of" },
      tensors: [{ name: "w", shape: [32] }],
    });
    const asked = ["--context-size", "131072", "--memory-budget", "12Gi"];
    assert.equal((await estimate(llama, strange, ...asked)).exitCode, 3);
    assert.equal((await estimate(strange, llama, join(folder, "nothing.gguf"), ...asked)).exitCode, 2);
  });

  it("has a grid of contexts and cache types up to the training length, and marks what fits", async () => {
    const { stdout, exitCode } = await estimate(
      llama,
      "--grid",
      "--context-size",
      "3000",
      "--memory-budget",
      "12Gi",
      "--json",
    );
    assert.equal(exitCode, 0);
    const { grid, totalBytes } = JSON.parse(stdout);
    assert.equal(grid.length, 3 * 8);
    const cells = new Map(
      grid.map((cell: { contextSize: number; cacheType: string }) => [`${cell.contextSize} ${cell.cacheType}`, cell]),
    );
    assert.deepEqual(cells.get("3000 f16"), { contextSize: 3000, cacheType: "f16", totalBytes, fits: true });
    assert.ok(cells.has("2048 q4_0") && cells.has("131072 q8_0") && !cells.has("262144 f16"));
    const text = await estimate(llama, "--grid", "--memory-budget", "12Gi");
    assert.match(text.stdout, /^ +context +f16 +q8_0 +q4_0$/m);
    assert.match(text.stdout, /^ +131072 +2\d\.\d GiB ✗ +1\d\.\d GiB ✗ +\d+\.\d GiB ✓$/m);
    assert.match(text.stdout, /✓ fits the budget, ✗ does not/);
    const plain = await estimate(llama, llama, "--grid");
    assert.doesNotMatch(plain.stdout, /[✓✗]/);
    assert.equal(plain.stdout.match(/^ +context +f16 +q8_0 +q4_0$/gm)?.length, 2);
  });

  it("counts what is served beside the model, each as a part", async () => {
    const lora = join(folder, "lora.gguf");
    await writeGgufFile(lora, LORA_ADAPTER);
    const beside = ["--draft", llama, "--draft-tokens", "4", "--cache-ram", "512", "--lora", lora, "--lora", lora];
    const { stdout } = await estimate(llama, ...beside, "--ctx-checkpoints", "8", "--swa-full", "--json");
    const { parts, totalBytes } = JSON.parse(stdout);
    assert.equal(parts.promptCache, 544 * 2 ** 20);
    assert.equal(parts.lora, 2 * LORA_ADAPTER_BYTES);
    assert.ok(parts.draft > parts.weights && parts.checkpoints === 0);
    const values: readonly number[] = Object.values(parts);
    assert.equal(
      totalBytes,
      values.reduce((sum, bytes) => sum + bytes, 0),
    );
    const text = await estimate(llama, ...beside);
    for (const label of [/prompt cache +544\.0 MiB/, /draft model +\d/, /LoRA adapters +16\.0 MiB/])
      assert.match(text.stdout, label);
    const missing = await estimate(llama, "--mmproj", join(folder, "no-eyes.gguf"));
    assert.equal(missing.exitCode, 2);
    assert.match(missing.stderr, /no-eyes\.gguf: there is no such file/);
  });

  const bad: ReadonlyArray<readonly [name: string, args: (folder: string) => readonly string[], message: RegExp]> = [
    ["a missing file", (at) => [join(at, "nothing.gguf")], /nothing\.gguf: /],
    ["a directory", (at) => [at], /director/],
    ["no number", () => ["x.gguf", "--context-size", "many"], /whole number from 1 to 2147483648/],
    ["an unknown cache type", () => ["x.gguf", "--cache-type-k", "f8"], /Allowed choices are f16, f32/],
    [
      "a budget in GB",
      (at) => [join(at, "llama3.1-8b.gguf"), "--memory-budget", "24GB"],
      /memoryBudget "24GB" is not a quantity/,
    ],
    [
      "a fraction above 1",
      (at) => [join(at, "llama3.1-8b.gguf"), "--memory-fraction", "1.5"],
      /memoryFraction 1\.5 must be above 0 and at most 1/,
    ],
    [
      "a bad host",
      (at) => [join(at, "llama3.1-8b.gguf"), "--host-memory", "lots"],
      /--host-memory "lots" is not a quantity/,
    ],
    ["no source", () => [], /missing required argument 'source'/],
    [
      "a quantized V cache without flash attention",
      (at) => [join(at, "llama3.1-8b.gguf"), "--cache-type-v", "q8_0", "--flash-attention", "off"],
      /needs flash attention/,
    ],
  ];
  for (const [name, args, message] of bad) {
    it(`exits 2 with one sentence for ${name}`, async () => {
      const { stdout, stderr, exitCode } = await estimate(...args(folder));
      assert.equal(exitCode, 2);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }

  it("exits 2 for a file that is no model", async () => {
    const path = join(folder, "notes.gguf");
    await writeFile(path, "these are notes, not weights");
    const { stderr, exitCode } = await estimate(path);
    assert.equal(exitCode, 2);
    assert.match(stderr, /not a GGUF file/);
  });

  it("says after two seconds what it waits for, and ends cleanly on Ctrl-C", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    const run = execa(process.execPath, [CLI, "estimate", `http://127.0.0.1:${port}/m.gguf`], { reject: false });
    run.stderr.on("data", () => run.kill("SIGINT"));
    const { stderr, exitCode } = await run;
    silent.closeAllConnections();
    silent.close();
    assert.equal(exitCode, 130);
    assert.match(stderr, /reading the header of http:\/\/127\.0\.0\.1/);
  });
});
