import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { ensureTool } from "../../toolchain/ensure.ts";
import { type Engine, startEngine } from "../support/pulumi.ts";
import { copyProject, type Project, refused, succeed } from "./project.ts";

const PACK = ["--policy-pack", "policies/pack"];

/** What the README shows, in a shell with the real engine, over the built package (`npm run build`). */
describe("the root stack in a shell", function () {
  this.timeout(120_000);
  let engine: Engine;
  let project: Project;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    project = await copyProject(engine, "shell");
    await project.set("models.gemma.source", await ensureTool("gemma3-270m"));
  });
  after(() => engine?.close());

  async function manifests(): Promise<Record<string, unknown>> {
    const folder = join(project.folder, "manifests", "1-manifest");
    const files = await readdir(folder).catch(() => []);
    const documents = files.map(async (file) => [file, parse(await readFile(join(folder, file), "utf8")).spec]);
    return Object.fromEntries(await Promise.all(documents));
  }

  it("previews the example with the policy pack, and renders nothing", async () => {
    const output = await succeed(project.pulumi("preview", ...PACK));
    assert.match(output, /✅ pulumi-llmkube@v\d/);
    assert.match(output, /gemma: "http:\/\/127\.0\.0\.1:8080\/v1"/);
    assert.deepEqual(await manifests(), {});
  });

  it("refuses a model that does not fit, in preview and update, and says what would", async () => {
    await project.set("models.gemma.serving.contextSize", "32768");
    await project.set("models.gemma.memoryBudget", "660Mi");
    for (const command of [["preview"], ["up", "--yes"]]) {
      const output = await refused(project.pulumi(...command, ...PACK));
      assert.match(output, /\[mandatory\].* memory-fits +\(.*:InferenceService: gemma\)/);
      assert.match(output, /Model default\/gemma does not fit: estimated \d+\.\d MiB required, budget 660\.0 MiB/);
      assert.match(output, /What would fit: a context of \d+ tokens, or .* a budget of at least \d+Mi/);
    }
    assert.deepEqual(await manifests(), {});
  });

  it("makes no service for a model that does not fit, even where the preview is skipped", async () => {
    await refused(project.pulumi("up", "--yes", "--skip-preview", ...PACK));
    const files = Object.keys(await manifests());
    assert.deepEqual(files, ["inference.llmkube.dev_v1alpha1-model-default-gemma.yaml"]);
  });

  it("brings the fitting model up as manifests", async () => {
    await project.set("models.gemma.serving.contextSize", "4096");
    await project.set("models.gemma.memoryBudget", "768Mi");
    await succeed(project.pulumi("up", "--yes", ...PACK));
    assert.deepEqual(await manifests(), {
      "inference.llmkube.dev_v1alpha1-model-default-gemma.yaml": {
        source: await ensureTool("gemma3-270m"),
        hardware: { accelerator: "metal", memoryBudget: "768Mi" },
      },
      "inference.llmkube.dev_v1alpha1-inferenceservice-default-gemma.yaml": { modelRef: "gemma", contextSize: 4096 },
    });
  });

  it("takes the pack's configuration, and refuses one of a wrong type before any policy runs", async () => {
    const file = join(project.folder, "policies.json");
    const withConfig = ["preview", ...PACK, "--policy-pack-config", "policies.json"];
    await writeFile(file, JSON.stringify({ "memory-fits": { hostMemory: "300Mi" } }));
    assert.match(await refused(project.pulumi(...withConfig)), /hostMemory is "300Mi"; that is only 300\.0 MiB/);
    await project.set("models.gemma.memoryBudget", "2Gi");
    await project.set("models.gemma.serving.contextSize", "262144");
    await writeFile(file, JSON.stringify({ "memory-fits": { hostMemory: "1Gi" } }));
    const output = await refused(project.pulumi(...withConfig));
    assert.match(output, /budget 1\.0 GiB \(memoryBudget\), capped from 2\.0 GiB by the node's physical memory/);
    await project.set("models.gemma.memoryBudget", "768Mi");
    await project.set("models.gemma.serving.contextSize", "4096");
    await writeFile(file, JSON.stringify({ "memory-fits": { onUnreachable: 1 } }));
    assert.match(await refused(project.pulumi(...withConfig)), /onUnreachable/);
  });

  it("says in a preview what it does not check, without refusing it", async () => {
    await project.set("models.gemma.accelerator", "cuda");
    const output = await succeed(project.pulumi("preview", ...PACK));
    assert.match(output, /\[advisory\].* memory-notes +\(.*:Model: gemma\)/);
    assert.match(output, /accelerator cuda has memory of its own/);
    await project.set("models.gemma.accelerator", "metal");
  });

  it("answers a bad configuration with one sentence, and leaves what is up alone", async () => {
    const before = await manifests();
    const bad: ReadonlyArray<readonly [key: string, bad: string, good: string, sentence: string]> = [
      [
        "models.gemma.memoryBudget",
        "24GB",
        "768Mi",
        'error: LlmModel gemma: memoryBudget is "24GB"; it must be a quantity of bytes: a number with a Kubernetes suffix, for example 24Gi',
      ],
      ["target", "moon", "manifests", 'error: pulumi-llmkube:target is "moon"; it must be manifests or cluster'],
      ["models", "gemma", "", "error: pulumi-llmkube:models must be a map from names to the arguments of LlmModel"],
    ];
    for (const [key, value, good, sentence] of bad) {
      await project.set(key, value);
      const output = await refused(project.pulumi("up", "--yes", "--skip-preview"));
      assert.ok(output.includes(sentence), output);
      assert.ok(!output.includes("    at "), output);
      if (good !== "") await project.set(key, good);
    }
    assert.deepEqual(await manifests(), before);
  });

  it("destroys what it made", async () => {
    await succeed(project.pulumi("destroy", "--yes"));
    assert.deepEqual(await manifests(), {});
  });
});
