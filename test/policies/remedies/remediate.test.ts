import assert from "node:assert/strict";
import { join } from "node:path";
import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import analyzerGrpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer from "@pulumi/pulumi/proto/analyzer_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { type PluginProcess, startPlugin } from "../../support/plugin-process.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { UNKNOWN, urnOf } from "../analyse.ts";
import { model, service } from "../manifests.ts";

const PACK = join(import.meta.dirname, "pack");

/** How the engine writes a secret. */
const secret = (value: unknown) => ({ "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", value });

interface Registered {
  /** `spec` as it is made. */
  readonly spec: unknown;
  /** Which policies changed it. */
  readonly by: readonly string[];
  /** Without the description of the policy. */
  readonly reports: readonly string[];
}

describe("remedies, asked as the engine asks", function () {
  this.timeout(60_000);
  let plugin: PluginProcess;
  let client: InstanceType<typeof analyzerGrpc.AnalyzerClient>;
  /** Llama 3.2 1B: with 32768 tokens it needs 1.8 GiB, 1 GiB of it for the cache. */
  let source: string;

  before(async () => {
    plugin = await startPlugin("run-policy-pack", ["127.0.0.1:1", PACK], { cwd: PACK });
    client = new analyzerGrpc.AnalyzerClient(plugin.address, credentials.createInsecure());
    source = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
  });
  after(async () => {
    client.close();
    await plugin.close();
  });

  async function register(inputs: { spec: unknown }): Promise<Registered> {
    const urn = urnOf(inputs);
    const type = urn.split("::")[2] ?? "";
    const requestFor = (properties: InstanceType<typeof structPb.Struct>) =>
      new analyzer.AnalyzeRequest()
        .setUrn(urn)
        .setName("gemma")
        .setType(type)
        .setProperties(properties)
        .setOptions(new analyzer.AnalyzerResourceOptions());
    const given = structPb.Struct.fromJavaScript(JSON.parse(JSON.stringify(inputs)));
    const changed = await promisify<
      InstanceType<typeof analyzer.AnalyzeRequest>,
      InstanceType<typeof analyzer.RemediateResponse>
    >(client.remediate.bind(client))(requestFor(given));
    const remediations = changed.getRemediationsList();
    const properties = remediations.at(-1)?.getProperties() ?? given;
    const analysed = await promisify<
      InstanceType<typeof analyzer.AnalyzeRequest>,
      InstanceType<typeof analyzer.AnalyzeResponse>
    >(client.analyze.bind(client))(requestFor(properties));
    return {
      spec: properties.toJavaScript()["spec"],
      by: remediations.map((remediation) => remediation.getPolicyname()),
      reports: analysed
        .getDiagnosticsList()
        .filter((diagnostic) => ["memory-fits", "memory-notes"].includes(diagnostic.getPolicyname()))
        .map((diagnostic) => diagnostic.getMessage().split("\n").slice(1).join("\n")),
    };
  }

  /** The service after its Model. */
  async function registerBoth(hardware: object, serving: object, name = "gemma"): Promise<Registered> {
    await register(model({ source, hardware: { accelerator: "metal", ...hardware } }, name));
    return register(service(serving, name));
  }

  it("quantizes the cache where that is enough, and says so", async () => {
    const { spec, by, reports } = await registerBoth({ memoryBudget: "1600Mi" }, { contextSize: 32_768 });
    assert.deepEqual(by, ["auto-cache-type"]);
    assert.deepEqual(spec, { modelRef: "gemma", contextSize: 32_768, cacheTypeK: "q8_0", cacheTypeV: "q8_0" });
    assert.equal(reports.length, 1);
    assert.match(
      reports[0] ?? "",
      /^InferenceService default\/gemma: auto-cache-type set spec\.cacheTypeK and spec\.cacheTypeV to q8_0, with which it fits, from f16 and f16 \(estimated 1\.\d GiB required, budget 1\.5 GiB \(absolute from CRD\)\)\. To keep it, write it into the program\.$/,
    );
  });

  it("shortens the context where a quantized cache is not enough", async () => {
    const { spec, by, reports } = await registerBoth({ memoryBudget: "1100Mi" }, { contextSize: 32_768 });
    assert.deepEqual(by, ["auto-context"]);
    const { contextSize, ...rest } = spec as { contextSize: number };
    assert.ok(contextSize >= 2048 && contextSize < 32_768 && contextSize % 256 === 0, String(contextSize));
    assert.deepEqual(rest, { modelRef: "gemma" });
    assert.match(
      reports.join(),
      new RegExp(`auto-context set spec\\.contextSize to ${contextSize}, the largest that fits, from 32768 \\(`),
    );
    assert.equal(reports.length, 1);
  });

  it("leaves alone what fits, and what it cannot make fit", async () => {
    const fitting = await registerBoth({ memoryBudget: "4Gi" }, { contextSize: 32_768 });
    assert.deepEqual([fitting.by, fitting.reports], [[], []]);
    const hopeless = await registerBoth({ memoryBudget: "900Mi" }, { contextSize: 32_768, flashAttention: false });
    assert.deepEqual(hopeless.by, []);
    assert.match(hopeless.reports.join(), /does not fit: estimated/);
  });

  it("leaves alone what is excluded by name", async () => {
    const { by, reports } = await registerBoth({ memoryBudget: "1100Mi" }, { contextSize: 32_768 }, "kept");
    assert.deepEqual(by, []);
    assert.match(reports.join(), /does not fit/);
  });

  it("leaves alone what depends on a value that is not known yet, and keeps other such values", async () => {
    const waiting = await registerBoth({ memoryBudget: "1100Mi" }, { contextSize: UNKNOWN });
    assert.deepEqual([waiting.by, waiting.spec], [[], { modelRef: "gemma", contextSize: UNKNOWN }]);
    const budgetless = await registerBoth({ memoryBudget: UNKNOWN }, { contextSize: 32_768 });
    assert.deepEqual(budgetless.by, []);
    const other = await registerBoth({ memoryBudget: "1600Mi" }, { contextSize: 32_768, priorityClassName: UNKNOWN });
    assert.deepEqual(other.by, ["auto-cache-type"]);
    assert.equal((other.spec as { priorityClassName: string }).priorityClassName, UNKNOWN);
  });

  it("keeps a secret a secret", async () => {
    const { spec, by } = await registerBoth(
      { memoryBudget: "1100Mi" },
      { contextSize: secret(32_768), reasoningBudgetMessage: secret("hush") },
    );
    assert.deepEqual(by, ["auto-context"]);
    const { contextSize, reasoningBudgetMessage } = spec as Record<string, { value: number }>;
    assert.deepEqual(reasoningBudgetMessage, secret("hush"));
    assert.deepEqual(contextSize, secret(contextSize?.value));
    assert.ok((contextSize?.value ?? 32_768) < 32_768);
  });

  it("sets a budget where none is set, and raises one that is too small", async () => {
    const none = await register(model({ source, hardware: { accelerator: "metal" } }));
    assert.deepEqual(none.by, ["auto-budget"]);
    const { hardware } = none.spec as { hardware: { accelerator: string; memoryBudget: string } };
    assert.equal(hardware.accelerator, "metal");
    assert.match(hardware.memoryBudget, /^\d+Mi$/);
    assert.match(
      none.reports.join(),
      new RegExp(
        `^Model default/gemma: auto-budget set spec\\.hardware\\.memoryBudget to ${hardware.memoryBudget} \\(none was set\\): estimated 1\\.\\d GiB required with a context of 4096 tokens and 1 slot, and 5% above that\\.`,
      ),
    );
    const small = await register(model({ source, hardware: { accelerator: "metal", memoryBudget: "512Mi" } }));
    assert.equal(
      (small.spec as typeof none.spec & { hardware: { memoryBudget: string } }).hardware.memoryBudget,
      hardware.memoryBudget,
    );
    assert.match(small.reports.join(), /\(it was budget 512\.0 MiB \(absolute from CRD\)\)/);
    const served = await register(service({ contextSize: 4096 }));
    assert.deepEqual([served.by, served.reports], [[], []]);
    const noHardware = await register(model({ source }));
    assert.deepEqual(noHardware.by, ["auto-budget"]);
  });

  it("leaves alone a budget that is enough, a fraction, and memory that is not shared", async () => {
    for (const hardware of [{ memoryBudget: "2Gi" }, { memoryFraction: 0.0001 }, { accelerator: "cuda" }]) {
      const { by } = await register(model({ source, hardware: { accelerator: "metal", ...hardware } }));
      assert.deepEqual(by, [], JSON.stringify(hardware));
    }
  });
});
