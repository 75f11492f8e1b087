import assert from "node:assert/strict";
import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import getPort from "get-port";
import type { WorkloadStatus } from "../../../agent/status/status.ts";
import { fullAttention } from "../../support/full-attention.ts";
import { BUILD_TIMEOUT_MS } from "../../support/pulumi.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";

const KEY = "sk-editor-0123456789abcdef";
const PRIVATE_KEY = "sk-doctor-0123456789abcdef";
const WORDS = 500;
const COMMON = ["time", "year", "people", "way", "day", "man", "thing", "woman", "life", "child", "world", "school"];
/** New tokens of a second turn, with room for how they are split. */
const FEW = 40;

interface Answer {
  readonly text: string;
  /** Tokens of the prompt that the server read. */
  readonly read: number;
}

describe("saved conversations with a real llama-server", function () {
  this.timeout(240_000);
  let site: Site;
  let agent: AgentProcess;
  let url: string;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    const whole = await newSite();
    site = { ...whole, weights: await fullAttention(whole.weights) };
    await writeManifests(site, "full", { port: await getPort() });
    const keys = join(site.manifests, "..", "keys.yaml");
    const list = [
      { name: "editor", key: KEY },
      { name: "doctor", key: PRIVATE_KEY, savedSlots: false },
    ];
    await writeFile(keys, JSON.stringify(list), { mode: 0o600 });
    const gateway = ["--gateway", "127.0.0.1:0", "--gateway-keys", keys];
    agent = startAgent(site, ...gateway, "--idle-unload", "2s", "--saved-slots", "512Mi");
    const status = await statusOnce(site, ({ agent: { gatewayUrl } }) => gatewayUrl !== undefined);
    url = status.agent.gatewayUrl ?? assert.fail();
  });
  after(async () => {
    if (agent !== undefined) assert.equal(await stopped(agent), 0, agent.output());
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") console.error(agent?.output());
  });

  const ask = async (model: string, prompt: string, key = KEY): Promise<Answer> => {
    const body = JSON.stringify({ model, prompt, max_tokens: 8, temperature: 0 });
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const answer = await fetch(`${url}/completions`, { method: "POST", headers, body });
    assert.equal(answer.status, 200, agent.output());
    const { choices, timings } = (await answer.json()) as {
      readonly choices: readonly { readonly text: string }[];
      readonly timings: { readonly prompt_n: number };
    };
    return { text: choices[0]?.text ?? assert.fail(), read: timings.prompt_n };
  };
  const asleep = (name: string) => workloadOnce(site, name, ({ state }) => state === "Sleeping");
  const counted = (name: string, holds: (counts: NonNullable<WorkloadStatus["savedSlots"]>) => boolean) =>
    workloadOnce(site, name, ({ savedSlots }) => savedSlots !== undefined && holds(savedSlots));
  const folder = () => join(site.state, "saved-slots", "default_full");
  /** A prompt of about so many tokens, which no other test has. */
  const conversation = (seed: number) => {
    let state = seed;
    const word = () => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return COMMON[state % COMMON.length];
    };
    return Array.from({ length: WORDS }, word).join(" ");
  };
  const unloadedAfter = async (prompt: string, key = KEY) => {
    const before = (await asleep("full")).savedSlots?.saves ?? 0;
    const first = await ask("full", prompt, key);
    await asleep("full");
    if (key === KEY) await counted("full", ({ saves }) => saves === before + 1);
    return first;
  };

  it("after an unload only what is new of a second turn is read, and the answer is the same", async () => {
    const prompt = conversation(1);
    const first = await unloadedAfter(prompt);
    assert.ok(first.read > 400, `${first.read}`);
    assert.deepEqual((await readdir(folder())).map((name) => name.replace(/^[0-9a-f]{32}/, "")).sort(), [
      "-0.slot",
      "saved.json",
    ]);
    const next = `${prompt}${first.text} and then`;
    const second = await ask("full", next);
    assert.ok(second.read < FEW, `${second.read}`);
    const { savedSlots } = await counted("full", ({ restores }) => restores === 1);
    assert.ok((savedSlots?.restoredTokens ?? 0) >= first.read, `${savedSlots?.restoredTokens}`);
    // The same without what was saved: a key that says no leaves nothing.
    await asleep("full");
    await unloadedAfter("another conversation", PRIVATE_KEY);
    const anew = await ask("full", next, PRIVATE_KEY);
    assert.ok(anew.read > 400, `${anew.read}`);
    assert.equal(second.text, anew.text);
    await asleep("full");
    assert.deepEqual(await readdir(folder()), []);
  });

  it("a file that was damaged costs nothing", async () => {
    const prompt = conversation(2);
    const first = await unloadedAfter(prompt);
    const slot = (await readdir(folder())).find((name) => name.endsWith(".slot")) ?? assert.fail();
    const { size } = await stat(join(folder(), slot));
    await writeFile(join(folder(), slot), Buffer.alloc(size, 3));
    const second = await ask("full", `${prompt}${first.text} and then`);
    assert.ok(second.read > 400, `${second.read}`);
    const { savedSlots, restarts } = await counted("full", ({ discarded }) => discarded.Damaged === 1);
    assert.deepEqual([restarts, savedSlots?.discarded.Refused], [0, 0]);
  });

  it("a context of another size discards what was saved", async () => {
    const prompt = conversation(3);
    const first = await unloadedAfter(prompt);
    await writeManifests(site, "full", { port: await getPort(), contextSize: 8192 });
    await workloadOnce(site, "full", ({ state }) => state === "Sleeping");
    const second = await ask("full", `${prompt}${first.text} and then`);
    assert.ok(second.read > 400, `${second.read}`);
    await counted("full", ({ discarded }) => discarded.OtherSettings === 1);
  });

  it("saves nothing of a model with sliding windows, which would read everything again", async () => {
    await asleep("full");
    const sliding = { ...site, weights: (await newSite()).weights };
    await writeManifests(sliding, "sliding", { port: await getPort() });
    await asleep("sliding");
    await ask("sliding", conversation(4));
    const { savedSlots } = await asleep("sliding");
    assert.equal(savedSlots?.saves, 0);
    assert.deepEqual(await readdir(join(site.state, "saved-slots")), ["default_full"]);
  });
});
