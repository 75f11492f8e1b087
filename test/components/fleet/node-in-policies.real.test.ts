import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as k8s from "@pulumi/kubernetes";
import { GiB } from "../../../api/bytes.ts";
import { LlmNode } from "../../../components/index.ts";
import { inProcess } from "../../support/in-process.ts";
import { type Engine, inlineStack, linkPackages, runPulumi, startEngine } from "../../support/pulumi.ts";

const PACK_FILES = {
  "PulumiPolicy.yaml": "runtime: nodejs\nversion: 0.1.0\nmain: index.js\n",
  "package.json": '{ "name": "node-pack", "version": "0.1.0", "type": "module", "main": "index.js" }\n',
  "index.js": `
import { PolicyPack } from "@pulumi/policy";
const isNode = ({ type }) => type.endsWith(":LlmNode");
const field = (props, key) => { try { return props[key]; } catch { return "not known"; } };
const known = (props) => Object.fromEntries(Object.keys(props).sort().map((key) => [key, field(props, key)]));
const shown = ({ name, props }) => name + " " + JSON.stringify(known(props));
new PolicyPack("nodes", {
  policies: [
    {
      name: "before", description: "What a policy sees of one resource.", enforcementLevel: "advisory",
      validateResource: (args, report) => { if (isNode(args)) report("saw " + shown(args)); },
    },
    {
      name: "at-the-end", description: "What a policy sees of the stack.", enforcementLevel: "advisory",
      validateStack: ({ resources }, report) => resources.filter(isNode).forEach((node) => report("saw " + shown(node), node.urn)),
    },
  ],
});
`,
};

const PROGRAM_FILES = {
  "Pulumi.yaml": "name: account\nruntime: nodejs\nmain: index.js\n",
  "package.json": '{ "name": "account", "version": "0.1.0", "type": "module" }\n',
  "index.js": `
import * as k8s from "@pulumi/kubernetes";
import { LlmModel, LlmNode } from ${JSON.stringify(pathToFileURL(join(import.meta.dirname, "../../../dist/components/index.js")).href)};
const provider = new k8s.Provider("manifests", { renderYamlToDirectory: "out", kubeconfig: "" });
new LlmNode("studio-1", { memory: "128Gi", labels: { room: "a" } });
new LlmModel("gemma", { source: "/models/gemma.gguf", memoryBudget: "1Gi" }, { provider });
`,
};

/** What the real engine shows to policies of the data of a Mac: the fleet's policies read it from the component. */
describe("an LlmNode before policies", function () {
  this.timeout(120_000);
  let engine: Engine;
  let pack: string;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    pack = join(engine.folder, "node-pack");
    await mkdir(pack);
    await linkPackages(pack);
    for (const [file, text] of Object.entries(PACK_FILES)) await writeFile(join(pack, file), text);
  });
  after(() => engine?.close());

  it("shows its outputs to a stack policy at preview, and what is not known yet as unknown", async () => {
    const stack = await inlineStack(engine, "macs", async () => {
      new LlmNode("studio-1", { memory: "128Gi", labels: { room: "a" }, address: "10.0.0.7" });
      const folder = join(engine.folder, "manifests");
      const provider = new k8s.Provider("manifests", { renderYamlToDirectory: folder, kubeconfig: "" });
      const inventory = new k8s.core.v1.ConfigMap("inventory", {}, { provider });
      const later = inventory.id.apply(() => "64Gi");
      new LlmNode("studio-2", { memory: later, memoryFraction: 0.5 });
    });
    let output = "";
    const onOutput = (text: string) => {
      output += text;
    };
    await stack.preview({ policyPacks: [pack], onOutput, onError: onOutput, color: "never" });
    // Before: of each resource by itself a policy sees what is plain of it.
    const seen = [...output.matchAll(/saw (?<name>\S+) (?<props>\{.*\})/g)].map(({ groups }) => [
      groups?.["name"],
      JSON.parse(groups?.["props"] ?? ""),
    ]);
    const studio = { nodeName: "studio-1", memory: "128Gi", allocatable: `${96 * GiB}`, labels: { room: "a" } };
    assert.deepEqual(seen, [
      ["studio-1", { ...studio, address: "10.0.0.7" }],
      ["studio-2", { nodeName: "studio-2", memory: "not known", allocatable: "not known" }],
      ["studio-1", studio],
      ["studio-2", { nodeName: "studio-2" }],
    ]);
  });

  it("is what pulumi preview --json tells the command plan, and a second update changes nothing", async () => {
    const project = join(engine.folder, "account");
    await mkdir(project);
    await linkPackages(project);
    for (const [file, text] of Object.entries(PROGRAM_FILES)) await writeFile(join(project, file), text);
    const pulumi = async (...args: readonly string[]) => {
      const run = await runPulumi(engine, args, { cwd: project });
      assert.equal(run.exitCode, 0, run.stdout + run.stderr);
      return run.stdout;
    };
    await pulumi("stack", "init", "test");
    const preview = join(project, "preview.json");
    await writeFile(preview, await pulumi("preview", "--json", "--show-sames"));
    const { exitCode, stdout } = await inProcess("plan", preview);
    assert.match(stdout, /^studio-1 .* of 96\.0 GiB/m);
    assert.equal(exitCode, 0);
    await pulumi("up", "--yes", "--skip-preview");
    assert.match(await pulumi("preview", "--expect-no-changes"), /unchanged/);
  });
});
