import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import OpenAI from "openai";
import { BUILD_TIMEOUT_MS } from "../../support/pulumi.ts";
import { runCli } from "../../support/run-cli.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  serversLeft,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";

const KEY = "sk-editor-0123456789abcdef";

/** The whole thread: a real agent, its gateway, a real llama-server with real weights, OpenAI's client and `try`. */
describe("a model on demand", function () {
  this.timeout(240_000);
  let site: Site;
  let agent: AgentProcess;
  let url: string;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    site = await newSite();
    await writeManifests(site, "gemma", { port: await getPort() });
    const keys = join(site.manifests, "..", "keys.yaml");
    await writeFile(keys, JSON.stringify([{ name: "editor", key: KEY }]), { mode: 0o600 });
    agent = startAgent(site, "--gateway", "127.0.0.1:0", "--gateway-keys", keys, "--idle-unload", "3s");
    const status = await statusOnce(site, ({ agent: { gatewayUrl } }) => gatewayUrl !== undefined);
    url = status.agent.gatewayUrl ?? assert.fail();
  });
  after(async () => {
    if (agent !== undefined) assert.equal(await stopped(agent), 0, agent.output());
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(agent?.output());
  });

  const sleeping = () => workloadOnce(site, "gemma", ({ state }) => state === "Sleeping");

  it("wakes for OpenAI's client, and unloads when nobody asks any more", async () => {
    await sleeping();
    const client = new OpenAI({ baseURL: url, apiKey: KEY, maxRetries: 0 });
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Hello" }];
    const answers = await Promise.all(
      [1, 2, 3].map(() => client.chat.completions.create({ model: "gemma", messages, max_tokens: 3 })),
    );
    assert.deepEqual(
      answers.map(({ usage }) => usage?.completion_tokens),
      [3, 3, 3],
    );
    assert.equal((await sleeping()).wakes, 1);
    assert.deepEqual(await serversLeft(site), []);
    assert.doesNotMatch(agent.output(), /sk-editor|Hello/);
  });

  it("wakes for try, which finds the gateway by the agent's status and says what it waits for", async () => {
    await sleeping();
    const file = join(site.manifests, "..", "key");
    await writeFile(file, KEY);
    const flags = ["--state", site.state, "--key-file", file, "--max-tokens", "3", "--complete"];
    const { exitCode, stdout, stderr } = await runCli("try", "gemma", "The capital of France is", ...flags);
    assert.equal(exitCode, 0, stderr);
    assert.ok(stdout.trim() !== "");
    assert.match(stderr, /^3 tokens, .*first token after \d+\.\d s/m);
    const unknown = await runCli("try", "gema", "Hi", ...flags);
    assert.equal(unknown.exitCode, 2);
    assert.match(unknown.stderr, /did you mean gemma\?$/);
  });
});
