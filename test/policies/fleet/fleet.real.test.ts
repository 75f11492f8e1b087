import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { LlmModel, LlmNode } from "../../../components/index.ts";
import { type Engine, inlineStack, startEngine } from "../../support/pulumi.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";

const CHECKOUT = join(import.meta.dirname, "../../..");

/** With the built library (`npm run build`): only the engine knows what a policy sees at the end of a preview. */
describe("the policies about a fleet, in a preview by the engine", function () {
  this.timeout(120_000);
  let engine: Engine;
  let source: string;
  let pack: string;

  before(async function () {
    this.timeout(0);
    engine = await startEngine();
    source = await writeSynthetic(readTruth(), "llama3.2-1b", engine.folder);
    pack = await writePack(engine.folder);
  });
  after(() => engine?.close());

  async function preview(name: string, program: () => void, config: object) {
    const configFile = join(engine.folder, `${name}.json`);
    await writeFile(configFile, JSON.stringify(config));
    const stack = await inlineStack(engine, name, async () => program());
    let output = "";
    const onOutput = (text: string) => {
      output += text;
    };
    const packs = { policyPacks: [pack], policyPackConfigs: [configFile] };
    const passed = await stack.preview({ ...packs, onOutput, onError: onOutput, color: "never" }).then(
      () => true,
      () => false,
    );
    return { passed, output };
  }

  function models(provider: k8s.Provider, ports: readonly number[], contextSize: number): void {
    for (const [index, port] of ports.entries()) {
      const name = `llama-${index}`;
      new LlmModel(name, { source, memoryBudget: "8Gi", serving: { port, contextSize } }, { provider });
    }
  }

  function folder(name: string): k8s.Provider {
    return new k8s.Provider("manifests", { renderYamlToDirectory: join(engine.folder, `${name}-out`) });
  }

  it("draws two models on the one Mac that the configuration names", async () => {
    const config = { "fleet-placement": { hosts: [{ name: "studio-1", memory: "16Gi" }] } };
    const { passed, output } = await preview("drawn", () => models(folder("drawn"), [8080, 8081], 4096), config);
    assert.equal(passed, true, output);
    assert.match(
      output,
      /\[advisory\] .*fleet-summary .*\n.*\n +1 Mac, 2 models: 2\.\d GiB of 10\.6 GiB after this change\./,
    );
    assert.match(output, /\n {12}after {2}\[A+B+\.+\] [12]\d%\n {14}A default\/llama-0 +1\.\d GiB\n/);
    for (const line of output.split("\n").filter((each) => each.includes("GiB"))) assert.ok(line.length <= 80, line);
  });

  it("refuses twice the memory and one port twice on a Mac that is an LlmNode, and names both services", async () => {
    const program = () => {
      new LlmNode("mini", { memory: "8Gi" });
      models(folder("crowded"), [8080, 8080, 8081], 65536);
    };
    const { passed, output } = await preview("crowded", program, {});
    assert.equal(passed, false, output);
    assert.match(
      output,
      /\[mandatory\] .*aggregate-per-host .*\n.*\n +mini: its models need 9\.\d GiB together, and it has 4\.0 GiB/,
    );
    assert.match(
      output,
      /\[mandatory\] .*distinct-names-and-ports .*\n.*\n.* listens on port 8080 of mini, and so does/,
    );
    assert.match(output, /urn:pulumi:\S+::llama-\d and urn:pulumi:\S+::llama-\d\./);
    assert.match(output, /\n +Stays out:\n/);
    assert.doesNotMatch(output, /fleet-placement/);
  });
});

async function writePack(parent: string): Promise<string> {
  const folder = join(parent, "pack");
  await mkdir(folder);
  await symlink(join(CHECKOUT, "node_modules"), join(folder, "node_modules"), "dir");
  const library = join(CHECKOUT, "dist/policies/index.js");
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module", version: "1.0.0", main: "index.js" }));
  await writeFile(join(folder, "PulumiPolicy.yaml"), "runtime: nodejs\nmain: index.js\nversion: 1.0.0\n");
  const text = `import { PolicyPack } from "@pulumi/policy";
import { LlmGuard } from ${JSON.stringify(library)};
new PolicyPack("fleet", new LlmGuard({}));
`;
  await writeFile(join(folder, "index.js"), text);
  return folder;
}
