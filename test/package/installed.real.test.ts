import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { execa } from "execa";
import { LlmModel } from "../../components/index.ts";
import { bundlePack, PACKS } from "../../policies/bundle.ts";
import { getSchema } from "../support/plugin-process.ts";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { install, type Stranger, write } from "./stranger.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const POLICIES = "pulumi-llmkube-policies";
/** Loaded by require() when the first header is read over HTTP, which the bundler does not see. */
const LOADED_LATER = ["undici"];
const MOST_TARBALL_BYTES = 800_000;

const PROGRAM = `
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { estimateMemory, LlmModel, LlmNode, Model } from "pulumi-llmkube";

const provider = new k8s.Provider("manifests", { renderYamlToDirectory: "out" });
const serving = { contextSize: 4096 };
const gemma = new LlmModel("gemma", { source: "hf://org/repo/model.gguf", memoryBudget: "4Gi", serving }, { provider });
new LlmModel("wrong", {
  source: "hf://org/repo/model.gguf",
  // @ts-expect-error: a budget without a unit
  memoryBudget: 4,
});
new LlmNode("studio", { memory: "64Gi" });
new Model("plain", { metadata: { name: "plain" }, spec: { source: "/m.gguf", hardware: { accelerator: "metal" } } });
export const endpoint: pulumi.Output<string | undefined> = gemma.endpoint;
export const bytes = estimateMemory({ source: "/m.gguf" }).totalBytes;
`;

const PACK = `
import { PolicyPack } from "@pulumi/policy";
import { LlmGuard, memoryBudgetValid, memoryFits, memoryNotes, strict } from "pulumi-llmkube/policies";
new PolicyPack("mine", { policies: [memoryBudgetValid, memoryFits, memoryNotes] });
new PolicyPack("all", new LlmGuard(strict));
`;

/** Of the templates of Pulumi: today's programs, and the packs and programs of some years. */
const TEMPLATES = {
  today: { module: "nodenext", moduleResolution: "nodenext" },
  classic: { module: "commonjs", moduleResolution: "node" },
};
const TSCONFIGS = {
  today: { ...TEMPLATES.today, skipLibCheck: true },
  classic: { ...TEMPLATES.classic, skipLibCheck: true },
  // Checks each declaration that ours reach. @pulumi/policy has faults of its own then, which a pack cannot help.
  "classic-all-libraries": { ...TEMPLATES.classic, skipLibCheck: false },
};

describe("the package and its pack, installed from their tarballs", function () {
  this.timeout(180_000);
  let stranger: Stranger;
  let installed: string;

  before(async function () {
    this.timeout(300_000);
    const { devDependencies } = await json("package.json");
    const pinned = ["@pulumi/pulumi", "typescript", "@types/node"].map((name) => [name, devDependencies[name]]);
    stranger = await install({ "pulumi-llmkube": ".", [POLICIES]: "policies/pack" }, Object.fromEntries(pinned));
    const tsconfigs = Object.entries(TSCONFIGS).map(([name, template]) => {
      const compilerOptions = { ...template, strict: true, target: "es2020", noEmit: true, types: ["node"] };
      const files = template.skipLibCheck ? ["index.ts", "pack.ts"] : ["index.ts"];
      return [`${name}.json`, JSON.stringify({ compilerOptions, files })];
    });
    await write(stranger.folder, { "index.ts": PROGRAM, "pack.ts": PACK, ...Object.fromEntries(tsconfigs) });
    installed = join(stranger.folder, "node_modules/pulumi-llmkube");
  });

  for (const name of Object.keys(TSCONFIGS)) {
    it(`type-checks in a program, as ${name} has it, and refuses a budget without a unit`, async () => {
      const args = ["tsc", "--project", `${name}.json`];
      const { stdout, exitCode } = await execa("npx", args, { cwd: stranger.folder, reject: false });
      assert.equal(exitCode, 0, stdout);
    });
  }

  it("is loaded by require() as by import", async () => {
    const code = `const { LlmModel } = require("pulumi-llmkube"); const { memoryFits } = require("pulumi-llmkube/policies");
      import("pulumi-llmkube").then((esm) => console.log(esm.LlmModel === LlmModel, memoryFits.name ?? typeof memoryFits));`;
    const { stdout } = await execa(process.execPath, ["--eval", code], { cwd: stranger.folder });
    assert.match(stdout, /^true /);
  });

  it("has a command line that emits a program", async () => {
    const cli = join(stranger.folder, "node_modules/.bin/pulumi-llmkube");
    const flags = ["--source", "hf://org/repo/model.gguf", "--memory-budget", "4Gi", "--emit", "ts"];
    const { stdout } = await execa(process.execPath, [cli, "deploy", "gemma", ...flags]);
    assert.match(
      stdout,
      /new LlmModel\("gemma", \{\n {2}source: "hf:\/\/org\/repo\/model\.gguf",\n {2}memoryBudget: "4Gi"/,
    );
  });

  it("brings no second copy of a @pulumi package", async () => {
    const entries = await readdir(join(stranger.folder, "node_modules"), { recursive: true });
    const copies = entries.filter((path) => /(^|\/)@pulumi\/(pulumi|kubernetes|policy)\/package\.json$/.test(path));
    assert.deepEqual(
      copies.sort(),
      ["kubernetes", "policy", "pulumi"].map((name) => `@pulumi/${name}/package.json`),
    );
  });

  it("is small: of the types it ships those that exports reach", () => {
    const bytes = stranger.tarballBytes["pulumi-llmkube"] ?? Number.NaN;
    assert.ok(bytes < MOST_TARBALL_BYTES, `the tarball has ${bytes} bytes`);
  });

  it("serves its schema to package add and get-schema", async () => {
    assert.deepEqual(JSON.parse(await getSchema(installed)), await json("schema.json"));
  });

  for (const pack of PACKS) {
    describe(`policies/${pack}, packed alone`, () => {
      let engine: Engine;
      const folder = () => join(stranger.folder, "node_modules", POLICIES);

      before(async function () {
        this.timeout(0);
        engine = await startEngine();
      });
      after(() => engine?.close());

      it("refuses a model that does not fit, under the real engine", async () => {
        const source = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
        let output = "";
        const stack = await inlineStack(engine, "alone", async () => {
          const out = join(engine.folder, "alone-manifests");
          const provider = new k8s.Provider("manifests", { renderYamlToDirectory: out, kubeconfig: "" });
          const serving = { contextSize: 32_768 };
          new LlmModel("llama", { source, memoryBudget: "1100Mi", serving }, { provider });
        });
        const onOutput = (text: string) => {
          output += text;
        };
        await assert.rejects(stack.preview({ policyPacks: [folder()], onOutput, onError: onOutput, color: "never" }));
        assert.match(output, /memory-fits[\s\S]*Model default\/llama does not fit/);
      });

      it("names all packages that it imports, in the versions of the package", async () => {
        const { dependencies } = await json(join("policies", pack, "package.json"));
        const { dependencies: ours } = await json("package.json");
        const imported = [...(await bundlePack(pack)), ...LOADED_LATER, "@pulumi/policy"];
        assert.deepEqual(dependencies, Object.fromEntries(imported.sort().map((name) => [name, ours[name]])));
      });

      it("has all of what the policies are made of, and a website, an author and a licence", async () => {
        assert.ok((await readdir(join(folder(), "lib"))).includes("index.js"));
        const yaml = await readFile(join(folder(), "PulumiPolicy.yaml"), "utf8");
        for (const field of ["author", "website", "license", "description", "version"]) {
          assert.match(yaml, new RegExp(`^${field}: .+`, "m"));
        }
      });
    });
  }
});

async function json(path: string) {
  return JSON.parse(await readFile(join(CHECKOUT, path), "utf8"));
}
