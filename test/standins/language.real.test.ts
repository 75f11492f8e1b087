import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Engine, linkPackages, runPulumi, startEngine } from "../support/pulumi.ts";

const PROJECT = `name: shell
main: program/index.js
runtime:
  name: nodejs
  options:
    typescript: false
`;

const PROGRAM = `
import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const budget = config.require("memoryBudget");
if (budget === "none") throw new Error("a model needs a budget");
const provider = new k8s.Provider("render", { renderYamlToDirectory: config.require("manifests"), kubeconfig: "" });
const metadata = { name: "gemma" };
const data = { memoryBudget: budget, hidden: config.getSecret("token") ?? "no token" };
console.log("program of", pulumi.getProject(), pulumi.getStack(), "in", process.cwd());
export const name = new k8s.core.v1.ConfigMap("settings", { metadata, data }, { provider }).metadata.name;
`;

const PACK = `
import { PolicyPack } from "@pulumi/policy";

new PolicyPack("budgets", {
  policies: [
    {
      name: "budget-at-most",
      description: "Keeps budgets small.",
      enforcementLevel: "mandatory",
      configSchema: { properties: { most: { type: "string", default: "1Gi" } } },
      validateResource: (args, report) => {
        if (args.type !== "kubernetes:core/v1:ConfigMap") return;
        const { most } = args.getConfig();
        const { memoryBudget } = args.props.data;
        if (memoryBudget !== most) report("the budget " + memoryBudget + " is not " + most);
      },
    },
  ],
});
`;

async function write(folder: string, files: Record<string, string>): Promise<void> {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), text);
  }
}

describe("language host stand-in, by the real CLI in a shell", function () {
  this.timeout(180_000);
  let engine: Engine;
  let project: string;
  let pack: string;

  const pulumi = (...args: string[]) => runPulumi(engine, args, { cwd: project });

  async function succeeds(...args: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await pulumi(...args);
    assert.equal(exitCode, 0, `pulumi ${args.join(" ")}\n${stdout}\n${stderr}`);
    return stdout;
  }

  async function manifests(): Promise<string[]> {
    return readdir(join(project, "manifests", "1-manifest")).catch(() => []);
  }

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    if (!engine.standIns.some((sentence) => sentence.includes("language host"))) this.skip();
    await linkPackages(engine.folder);
    project = await mkdtemp(join(engine.folder, "project-"));
    pack = join(engine.folder, "pack");
    const json = (name: string): string => JSON.stringify({ name, version: "0.0.1", type: "module", main: "index.js" });
    await write(project, { "Pulumi.yaml": PROJECT, "package.json": json("shell"), "program/index.js": PROGRAM });
    await write(pack, { "PulumiPolicy.yaml": "runtime: nodejs\n", "package.json": json("pack"), "index.js": PACK });
    await succeeds("stack", "init", "dev");
    await succeeds("config", "set", "manifests", join(project, "manifests"));
    await succeeds("config", "set", "memoryBudget", "1Gi");
  });
  after(() => engine?.close());

  it("previews without writing and says that it is a stand-in", async () => {
    const output = await succeeds("preview");
    assert.match(output, /Using a stand-in for Pulumi's nodejs language host/);
    assert.match(output, /program of shell dev in .*program/);
    assert.match(output, /3 to create/);
    assert.deepEqual(await manifests(), []);
  });

  it("brings the stack up with its configuration, follows a change of it, and destroys it", async () => {
    await succeeds("config", "set", "--secret", "token", "hush-hush");
    const output = await succeeds("up", "--yes");
    assert.match(output, /name: "gemma"/);
    assert.doesNotMatch(output, /hush-hush/);
    const file = "v1-configmap-default-gemma.yaml";
    assert.deepEqual(await manifests(), [file]);
    const text = await readFile(join(project, "manifests", "1-manifest", file), "utf8");
    assert.match(text, /data:\n {2}hidden: hush-hush\n {2}memoryBudget: 1Gi\n/);

    await succeeds("config", "set", "memoryBudget", "2Gi");
    assert.match(await succeeds("preview"), /1 to replace/);
    await succeeds("config", "set", "memoryBudget", "1Gi");
    assert.match(await succeeds("up", "--yes"), /3 unchanged/);
    assert.match(await succeeds("destroy", "--yes"), /3 deleted/);
    assert.deepEqual(await manifests(), []);
  });

  it("runs a policy pack, whose mandatory violation fails the preview", async () => {
    const passed = await succeeds("preview", "--policy-pack", pack);
    assert.match(passed, /budgets@v0\.0\.1/);
    await write(engine.folder, { "policy.json": JSON.stringify({ "budget-at-most": { most: "512Mi" } }) });
    const config = join(engine.folder, "policy.json");
    const { stdout, exitCode } = await pulumi("preview", "--policy-pack", pack, "--policy-pack-config", config);
    assert.notEqual(exitCode, 0);
    assert.match(stdout, /budgets@v0\.0\.1.*\[mandatory\]\s+budget-at-most/s);
    assert.match(stdout, /the budget 1Gi is not 512Mi/);
  });

  it("ends with the program's own message when the program throws", async () => {
    await succeeds("config", "set", "memoryBudget", "none");
    const { stdout, stderr, exitCode } = await pulumi("preview");
    await succeeds("config", "set", "memoryBudget", "1Gi");
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /Error: a model needs a budget/);
    assert.doesNotMatch(stdout + stderr, /the program ended with exit code/); // bail: it has been said
  });

  it("reports a program that exits by itself", async () => {
    await write(project, { "program/index.js": "process.exit(3);" });
    const { stdout, stderr, exitCode } = await pulumi("preview");
    await write(project, { "program/index.js": PROGRAM });
    assert.notEqual(exitCode, 0);
    assert.match(stdout + stderr, /the program exited with code 3/);
  });
});
