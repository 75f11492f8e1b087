import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { credentials } from "@grpc/grpc-js";
import analyzerGrpc from "@pulumi/pulumi/proto/analyzer_grpc_pb.js";
import analyzer from "@pulumi/pulumi/proto/analyzer_pb.js";
import empty from "google-protobuf/google/protobuf/empty_pb.js";
import structPb from "google-protobuf/google/protobuf/struct_pb.js";
import { parse } from "yaml";
import { LlmGuard } from "../../policies/guard/llm-guard.ts";
import { recommended } from "../../policies/presets.ts";
import { sendRange, startServer, validators } from "../gguf/range-server.ts";
import { writeGguf } from "../support/gguf-writer.ts";
import { type PluginProcess, startPlugin } from "../support/plugin-process.ts";
import { readTruth, writeSynthetic } from "../support/truth-models.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { urnOf } from "./analyse.ts";
import { model, service } from "./manifests.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const PACK = join(CHECKOUT, "policies/pack");
const { ADVISORY, MANDATORY } = analyzer.EnforcementLevel;

/** The committed pack in its own process over the built library (`npm run build`), spoken to as the engine does. */
interface Pack {
  readonly client: InstanceType<typeof analyzerGrpc.AnalyzerClient>;
  readonly close: () => Promise<void>;
}

async function startPack(env: NodeJS.ProcessEnv = process.env, folder = PACK): Promise<Pack> {
  const plugin: PluginProcess = await startPlugin("run-policy-pack", ["127.0.0.1:1", folder], { cwd: folder, env });
  const client = new analyzerGrpc.AnalyzerClient(plugin.address, credentials.createInsecure());
  return {
    client,
    close: async () => {
      client.close();
      await plugin.close();
    },
  };
}

async function analyse({ client }: Pack, inputs: { kind: string }) {
  const urn = urnOf(inputs);
  const request = new analyzer.AnalyzeRequest()
    .setUrn(urn)
    .setName("gemma")
    .setType(urn.split("::")[2] ?? "")
    .setProperties(structPb.Struct.fromJavaScript(JSON.parse(JSON.stringify(inputs))))
    .setOptions(new analyzer.AnalyzerResourceOptions());
  const response = await promisify<typeof request, InstanceType<typeof analyzer.AnalyzeResponse>>(
    client.analyze.bind(client),
  )(request);
  return response.getDiagnosticsList().map((diagnostic) => ({
    policy: diagnostic.getPolicyname(),
    level: diagnostic.getEnforcementlevel(),
    message: diagnostic.getMessage(),
  }));
}

function infoOf({ client }: Pack): Promise<InstanceType<typeof analyzer.AnalyzerInfo>> {
  return promisify<InstanceType<typeof empty.Empty>, InstanceType<typeof analyzer.AnalyzerInfo>>(
    client.getAnalyzerInfo.bind(client),
  )(new empty.Empty());
}

describe("the policy pack's process", function () {
  this.timeout(60_000);
  let pack: Pack;
  let llama: string;

  before(async () => {
    pack = await startPack();
    llama = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
  });
  after(() => pack.close());

  it("names its policies, their levels and what can be configured", async () => {
    const info = await infoOf(pack);
    const policies = info.getPoliciesList().map((policy) => ({
      name: policy.getName(),
      level: policy.getEnforcementlevel(),
      config: Object.keys(policy.getConfigschema()?.getProperties()?.toJavaScript() ?? {}).toSorted(),
    }));
    assert.equal(info.getName(), "pulumi-llmkube");
    const recommendedNames = new LlmGuard(recommended).policies.map(({ name }) => name);
    assert.deepEqual(
      policies.map(({ name }) => name),
      recommendedNames,
    );
    assert.deepEqual(
      policies.filter(({ name }) => name.startsWith("memory-")),
      [
        { name: "memory-budget-valid", level: MANDATORY, config: ["exclude", "hostMemory"] },
        {
          name: "memory-fits",
          level: MANDATORY,
          config: [
            "agentMemoryFraction",
            "allHeadersTimeoutSeconds",
            "exclude",
            "headerTimeoutSeconds",
            "hostMemory",
            "onUnknownArchitecture",
            "onUnreachable",
            "reserve",
            "sizes",
          ],
        },
        { name: "memory-notes", level: ADVISORY, config: [] },
      ],
    );
  });

  it("refuses what does not fit and lets through what does", async () => {
    const hardware = { accelerator: "metal", memoryBudget: "1100Mi" };
    assert.deepEqual(await analyse(pack, model({ source: llama, hardware })), []);
    assert.deepEqual(await analyse(pack, service({ contextSize: 4096 })), []);
    const [refused, ...more] = await analyse(pack, service({ contextSize: 32768 }));
    assert.equal(refused?.policy, "memory-fits");
    assert.equal(refused.level, MANDATORY);
    assert.match(
      refused.message,
      /^A model must fit its memory budget\.\nModel default\/gemma does not fit: estimated/,
    );
    assert.match(refused.message, /\nWhat would fit: /);
    assert.deepEqual(more, []);
  });

  it("only notes what it does not check", async () => {
    const notes = await analyse(pack, model({ source: llama, hardware: { accelerator: "cuda", memoryBudget: "1Gi" } }));
    assert.deepEqual(
      notes.map(({ policy, level }) => [policy, level]),
      [["memory-notes", ADVISORY]],
    );
  });

  it("asks a server once more, and no more, at a second preview", async () => {
    const head = writeGguf({ metadata: { "general.architecture": "llama" } });
    const file = { head, fileBytes: 2 ** 30, etag: '"one"' };
    const server = await startServer((request, response) => {
      if (request.headers["if-none-match"] === file.etag) response.writeHead(304, validators(file)).end();
      else sendRange(request, response, file);
    });
    const env = { ...process.env, PULUMI_LLMKUBE_HEADER_CACHE: await temporaryDirectory() };
    try {
      const asked: number[] = [];
      for (let preview = 1; preview <= 2; preview += 1) {
        const before = server.requests.length;
        const own = await startPack(env);
        const source = `${server.origin}/model.gguf`;
        await analyse(own, model({ source, hardware: { accelerator: "metal", memoryBudget: "1Gi" } }));
        await analyse(own, service({ contextSize: 4096 }));
        await own.close();
        asked.push(server.requests.length - before);
      }
      assert.deepEqual(asked, [1, 1]);
      assert.equal(server.requests.at(-1)?.headers["if-none-match"], file.etag);
    } finally {
      await server.stop();
    }
  });

  it("has thin packs beside it, which refuse all that they should and nothing else", async () => {
    const mandatory: Record<string, readonly string[]> = {};
    for (const name of ["recommended", "strict", "advisory"]) {
      const thin = await startPack(process.env, join(CHECKOUT, "policies/packs", name));
      const info = await infoOf(thin);
      await thin.close();
      assert.equal(info.getName(), `pulumi-llmkube-${name}`);
      const refusing = info.getPoliciesList().filter((policy) => policy.getEnforcementlevel() === MANDATORY);
      mandatory[name] = refusing.map((policy) => policy.getName());
    }
    assert.ok(mandatory["recommended"]?.includes("memory-fits"));
    assert.ok(mandatory["strict"]?.includes("pinned-source"));
    assert.deepEqual(mandatory["advisory"], []);
  });

  it("has the version of the package", async () => {
    const read = async (path: string) => parse(await readFile(join(CHECKOUT, path), "utf8")).version;
    const version = await read("package.json");
    for (const pack of ["pack", "packs/recommended", "packs/strict", "packs/advisory"]) {
      const versions = [await read(`policies/${pack}/package.json`), await read(`policies/${pack}/PulumiPolicy.yaml`)];
      assert.deepEqual(versions, [version, version], pack);
    }
  });
});
