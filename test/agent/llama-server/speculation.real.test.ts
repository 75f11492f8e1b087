import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import { type AgentProcess, newSite, serversLeft, startAgent, stopped, workloadOnce } from "../harness.ts";

const apiVersion = "inference.llmkube.dev/v1alpha1";
const PROMPT = "The quick brown fox jumps over the lazy dog near the river bank. ".repeat(100);

describe("the agent with speculative decoding in a real llama-server", function () {
  this.timeout(180_000);
  let agent: AgentProcess;
  afterEach(() => stopped(agent));

  const speculations = [
    { type: "draft", draftModelRef: "small", nDraftMax: 8, pMin: 0.5 },
    { type: "ngram-simple", nDraftMax: 16 },
  ];
  for (const speculativeDecoding of speculations) {
    it(`LLMKube trap T12: counts the draft model, and stays within the estimate: ${speculativeDecoding.type}`, async () => {
      const site = await newSite();
      const hardware = { accelerator: "metal", memoryBudget: "1Gi" };
      const weights = (name: string) => ({
        ...{ apiVersion, kind: "Model", metadata: { name } },
        spec: { source: site.weights, hardware },
      });
      const spec = { modelRef: "chat", contextSize: 4096, endpoint: { port: await getPort() }, speculativeDecoding };
      const service = { apiVersion, kind: "InferenceService", metadata: { name: "chat" }, spec };
      const documents = [weights("chat"), weights("small"), service];
      await writeFile(join(site.manifests, "chat.yaml"), documents.map((one) => JSON.stringify(one)).join("\n---\n"));
      agent = startAgent(site);
      const { endpoint = "", notes } = await workloadOnce(site, "chat", ({ state }) => state === "Ready");
      assert.deepEqual(notes, [
        "spec.hardware.accelerator is metal, but this host has no Metal GPU; the model runs on the CPU",
      ]);
      const response = await fetch(`${endpoint}/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: PROMPT, max_tokens: 32, temperature: 0 }),
      });
      assert.match(await response.text(), /"draft_n":[1-9]/);
      const { estimateBytes = 0, measuredBytes = 0 } = await workloadOnce(
        site,
        "chat",
        ({ measuredBytes: measured = 0 }) => measured > 300 * 2 ** 20,
      );
      const share = measuredBytes / estimateBytes;
      assert.ok(share <= 1 && share > 0.9, `measured is ${(share * 100).toFixed(1)} % of the estimate`);
      await stopped(agent);
      assert.deepEqual(await serversLeft(site), []);
    });
  }
});
