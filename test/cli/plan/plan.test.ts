import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inProcess } from "../../support/in-process.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const API = "inference.llmkube.dev/v1alpha1";
const URN = "urn:pulumi:dev::p::";
const PROVIDER = "pulumi:providers:kubernetes";

describe("pulumi-llmkube plan", () => {
  let folder: string;
  let source: string;
  let hosts: string;

  before(async () => {
    folder = await temporaryDirectory();
    source = await writeSynthetic(readTruth(), "llama3.2-1b", folder);
    hosts = await file("hosts.json", { schemaVersion: 1, hosts: [{ name: "mini", allocatable: "4Gi" }] });
  });

  async function file(name: string, document: unknown): Promise<string> {
    const path = join(folder, name);
    await writeFile(path, typeof document === "string" ? document : JSON.stringify(document));
    return path;
  }

  function state(kind: string, name: string, spec: object) {
    const inputs = { apiVersion: API, kind, metadata: { name, namespace: "default" }, spec };
    return { type: `kubernetes:${API}:${kind}`, inputs, provider: `${URN}${PROVIDER}::m::id` };
  }

  /** As the engine prints them: a Model that stays, and a service whose context is another one afterwards. */
  function steps(name: string, before: number | undefined, after: number | undefined, weights = source) {
    const model = state("Model", name, { source: weights, hardware: { accelerator: "metal", memoryBudget: "8Gi" } });
    const serving = (contextSize: number) => state("InferenceService", name, { modelRef: name, contextSize });
    const service = { oldState: before && serving(before), newState: after && serving(after) };
    const op = before === undefined ? "create" : after === undefined ? "delete" : "update";
    return [
      { op: "same", urn: `${URN}Model::${name}`, oldState: model, newState: model },
      { op, urn: `${URN}InferenceService::${name}`, ...service },
    ];
  }

  function previewed(all: readonly object[], same = all.length / 2) {
    const inputs = { renderYamlToDirectory: join(folder, "out") };
    const provider = { op: "same", urn: `${URN}${PROVIDER}::m`, newState: { type: PROVIDER, inputs } };
    return { steps: [provider, ...all], changeSummary: { same: same + 1 } };
  }

  it("draws what fits, before and after, and ends with 0", async () => {
    const preview = await file("fits.json", previewed([...steps("a", 4096, 8192), ...steps("b", 4096, undefined)]));
    const { exitCode, stdout } = await inProcess("plan", preview, "--hosts", hosts);
    assert.equal(exitCode, 0);
    assert.match(stdout, /^1 Mac, 1 model: 1\.1 GiB of 4\.0 GiB after this change, 2\.0 GiB before\.$/m);
    assert.match(stdout, /^ {4}A default\/a .* 1\.1 GiB {2}was 1\.0 GiB/m);
    assert.match(stdout, /^ {4}B default\/b .* 1\.0 GiB {2}gone$/m);
  });

  it("ends with 1 where something stays out, in each form", async () => {
    const preview = await file("out.json", previewed([...steps("a", 4096, 65_536), ...steps("b", undefined, 65_536)]));
    const svg = join(folder, "fleet.svg");
    const json = await inProcess("plan", preview, "--hosts", hosts, "--json", "--svg", svg);
    assert.equal(json.exitCode, 1);
    const picture = JSON.parse(json.stdout) as { out: { name: string }[]; hosts: { name: string }[] };
    assert.deepEqual(
      [picture.out.map(({ name }) => name), picture.hosts.map(({ name }) => name)],
      [["default/b"], ["mini"]],
    );
    const markdown = await inProcess("plan", preview, "--hosts", hosts, "--markdown");
    assert.equal(markdown.exitCode, 1);
    assert.match(
      markdown.stdout,
      /^\| mini \| 1\.0 GiB \| 3\.1 GiB of 4\.0 GiB \| 9\d\d\.\d MiB \| default\/a 3\.1 GiB \|$/m,
    );
    assert.match(
      markdown.stdout,
      /^- default\/b needs 3\.1 GiB: 1 Mac has a replica already, or something else on port 8080\./m,
    );
    assert.match(
      await readFile(svg, "utf8"),
      /^<svg xmlns=[\s\S]*<title>default\/a: 3\.1 GiB<\/title>[\s\S]*<\/svg>\n$/,
    );
  });

  it("takes an LlmNode of the stack for a Mac, and lists what is not known or secret", async () => {
    const inputs = { nodeName: "studio", memory: "16Gi", allocatable: String(10 * 2 ** 30) };
    const node = {
      op: "same",
      urn: `${URN}llmkube:index:LlmNode::studio`,
      newState: { type: "llmkube:index:LlmNode", inputs },
    };
    const all = [...steps("a", undefined, 4096), ...steps("late", undefined, 4096, "[secret]")];
    const { exitCode, stdout } = await inProcess("plan", await file("node.json", previewed([...all, node], 3)));
    assert.equal(exitCode, 0);
    assert.match(stdout, /^studio: 1\.0 GiB of 10\.0 GiB/m);
    assert.match(
      stdout,
      /Not counted, because the need is not known:\n- default\/late: spec\.source of Model default\/late is not known/,
    );
  });

  it("says which LlmNodes it cannot count", async () => {
    const node = (name: string, inputs: object) => ({
      op: "same",
      urn: `${URN}llmkube:index:LlmNode::${name}`,
      newState: { type: "llmkube:index:LlmNode", inputs },
    });
    const nodes = [node("studio", { nodeName: "studio", allocatable: "10Gi" }), node("later", { nodeName: "later" })];
    const some = await inProcess(
      "plan",
      await file("some.json", previewed([...steps("a", undefined, 4096), ...nodes], 3)),
    );
    assert.equal(some.exitCode, 0);
    assert.match(some.stderr, /LlmNode later is not counted: its memory is not in the preview/);
    const none = await inProcess("plan", await file("none.json", previewed([node("later", {})], 1)));
    assert.equal(none.exitCode, 2);
    assert.match(none.stderr, /of LlmNode later the memory is not in the preview: give --hosts FILE/);
  });

  const bad: readonly (readonly [what: string, document: unknown, says: RegExp])[] = [
    ["no JSON", "Previewing update", /the preview is no JSON: write it with pulumi preview --json --show-sames/],
    ["another JSON", [], /the preview has no list of steps/],
    [
      "a preview without what stays",
      { steps: [], changeSummary: { same: 7 } },
      /7 unchanged resources are not in the preview/,
    ],
    ["a preview without Macs", { steps: [] }, /the preview names no Macs: give --hosts FILE/],
  ];
  for (const [what, document, says] of bad) {
    it(`ends with 2 for ${what}`, async () => {
      const { exitCode, stderr, stdout } = await inProcess("plan", await file("bad.json", document));
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
      assert.equal(stdout, "");
    });
  }

  it("ends with 2 for a file that is not there, and for hosts that are none", async () => {
    assert.match((await inProcess("plan", join(folder, "none"))).stderr, /none cannot be read: ENOENT/);
    const preview = await file("fits.json", previewed(steps("a", 4096, 8192)));
    const { exitCode, stderr } = await inProcess("plan", preview, "--hosts", await file("no-hosts.json", "{}"));
    assert.equal(exitCode, 2);
    assert.match(stderr, /no-hosts\.json: schemaVersion is missing; it must be 1/);
  });
});
