import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { execa } from "execa";
import { LlmModel } from "../../components/index.ts";
import { bundlePack, PACKS } from "../../policies/bundle.ts";
import { type Engine, inlineStack, startEngine } from "../support/pulumi.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { install, packed } from "./stranger.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
/** Loaded by require() when the first header is read over HTTP, which the bundler does not see. */
const LOADED_LATER = ["undici"];

for (const pack of PACKS) {
  describe(`policies/${pack}, packed alone and unpacked elsewhere`, function () {
    this.timeout(180_000);
    let engine: Engine;
    let folder: string;

    before(async function () {
      this.timeout(0);
      engine = await startEngine();
      const tarball = await packed(join("policies", pack), await temporaryDirectory());
      const parent = await temporaryDirectory();
      await execa("tar", ["xzf", tarball], { cwd: parent });
      folder = join(parent, "package");
      await install(folder);
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
      await assert.rejects(stack.preview({ policyPacks: [folder], onOutput, onError: onOutput, color: "never" }));
      assert.match(output, /memory-fits[\s\S]*Model default\/llama does not fit/);
    });

    it("names all packages that it imports, in the versions of the package", async () => {
      const read = async (path: string) => JSON.parse(await readFile(join(CHECKOUT, path, "package.json"), "utf8"));
      const { dependencies } = await read(join("policies", pack));
      const { dependencies: ours } = await read(".");
      const imported = [...(await bundlePack(pack)), ...LOADED_LATER, "@pulumi/policy"];
      assert.deepEqual(dependencies, Object.fromEntries(imported.sort().map((name) => [name, ours[name]])));
    });

    it("has all of what the policies are made of, and a website, an author and a licence", async () => {
      assert.ok((await readdir(join(folder, "lib"))).includes("index.js"));
      const yaml = await readFile(join(folder, "PulumiPolicy.yaml"), "utf8");
      for (const field of ["author", "website", "license", "description", "version"]) {
        assert.match(yaml, new RegExp(`^${field}: .+`, "m"));
      }
    });
  });
}
