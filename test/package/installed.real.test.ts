import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { getSchema } from "../support/plugin-process.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { install, packed, write } from "./stranger.ts";

const CHECKOUT = join(import.meta.dirname, "../..");

const PROGRAM = `
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { estimateMemory, LlmModel, Model } from "pulumi-llmkube";

const provider = new k8s.Provider("manifests", { renderYamlToDirectory: "out" });
const serving = { contextSize: 4096 };
const gemma = new LlmModel("gemma", { source: "hf://org/repo/model.gguf", memoryBudget: "4Gi", serving }, { provider });
new Model("plain", { metadata: { name: "plain" }, spec: { source: "/m.gguf", hardware: { accelerator: "metal" } } });
export const endpoint: pulumi.Output<string | undefined> = gemma.endpoint;
export const bytes = estimateMemory({ source: "/m.gguf" }).totalBytes;
`;

const WRONG_PROGRAM = `
import { LlmModel } from "pulumi-llmkube";
new LlmModel("gemma", { source: "hf://org/repo/model.gguf", memoryBudget: 4 });
`;

const PACK = `
import { PolicyPack } from "@pulumi/policy";
import { memoryBudgetValid, memoryFits, memoryNotes } from "pulumi-llmkube/policies";
new PolicyPack("mine", { policies: [memoryBudgetValid, memoryFits, memoryNotes] });
`;

/** Of the templates of Pulumi: today's programs, and the packs and programs of some years. */
const TEMPLATES = {
  today: { module: "nodenext", moduleResolution: "nodenext" },
  classic: { module: "commonjs", moduleResolution: "node" },
};

describe("the package, installed from its tarball", function () {
  this.timeout(120_000);
  let folder: string;
  let installed: string;

  before(async () => {
    folder = await temporaryDirectory();
    const tarball = await packed(".", folder);
    const { devDependencies } = JSON.parse(await readFile(join(CHECKOUT, "package.json"), "utf8"));
    const pinned = ["@pulumi/pulumi", "typescript", "@types/node"].map((name) => [name, devDependencies[name]]);
    const dependencies = { ...Object.fromEntries(pinned), "pulumi-llmkube": `file:${tarball}` };
    const tsconfigs = Object.entries(TEMPLATES).flatMap(([name, template]) =>
      [true, false].map((skipLibCheck) => {
        const options = { ...template, skipLibCheck, strict: true, target: "es2020", noEmit: true, types: ["node"] };
        const config = { compilerOptions: options, files: skipLibCheck ? ["index.ts", "pack.ts"] : ["index.ts"] };
        return [`${name}-${skipLibCheck}.json`, JSON.stringify(config)];
      }),
    );
    await write(folder, {
      "package.json": JSON.stringify({ name: "stranger", private: true, dependencies }),
      "index.ts": PROGRAM,
      "wrong.ts": WRONG_PROGRAM,
      "pack.ts": PACK,
      ...Object.fromEntries(tsconfigs),
    });
    await install(folder);
    installed = join(folder, "node_modules/pulumi-llmkube");
  });

  const tsc = (...args: string[]) => execa("npx", ["tsc", ...args], { cwd: folder, reject: false });

  for (const name of Object.keys(TEMPLATES)) {
    for (const skipLibCheck of [true, false]) {
      // Without skipLibCheck @pulumi/policy has faults of its own, which a pack cannot help.
      const what = skipLibCheck ? "a program and a pack" : "a program, with the types of all libraries checked";
      it(`type-checks in ${what} from the template of ${name}`, async () => {
        const { stdout, exitCode } = await tsc("--project", `${name}-${skipLibCheck}.json`);
        assert.equal(exitCode, 0, stdout);
      });
    }
  }

  it("has types that refuse a budget without a unit", async () => {
    const flags = ["--module", "commonjs", "--moduleResolution", "node", "--skipLibCheck", "--noEmit", "--strict"];
    const { stdout, exitCode } = await tsc(...flags, "wrong.ts");
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /wrong\.ts\(3.*memoryBudget|Type 'number' is not assignable to type 'Input<string>/);
  });

  it("is loaded by require() as by import", async () => {
    const code = `const { LlmModel } = require("pulumi-llmkube"); const { memoryFits } = require("pulumi-llmkube/policies");
      import("pulumi-llmkube").then((esm) => console.log(esm.LlmModel === LlmModel, memoryFits.name ?? typeof memoryFits));`;
    const { stdout } = await execa(process.execPath, ["--eval", code], { cwd: folder });
    assert.match(stdout, /^true /);
  });

  it("brings no second copy of a @pulumi package", async () => {
    const entries = await readdir(join(folder, "node_modules"), { recursive: true });
    const copies = entries.filter((path) => /(^|\/)@pulumi\/(pulumi|kubernetes|policy)\/package\.json$/.test(path));
    assert.deepEqual(
      copies.sort(),
      ["kubernetes", "policy", "pulumi"].map((name) => `@pulumi/${name}/package.json`),
    );
  });

  it("serves its schema to package add and get-schema", async () => {
    assert.deepEqual(
      JSON.parse(await getSchema(installed)),
      JSON.parse(await readFile(join(CHECKOUT, "schema.json"), "utf8")),
    );
  });
});
