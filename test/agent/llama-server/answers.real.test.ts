import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { answeringSince, askOrWait, type Shown } from "../../../agent/decisions/answering.ts";
import { askLocal } from "../../../agent/llama-server/local-request.ts";
import { checkAnswers, checkStillAnswers, type Expected, slotsOf } from "../../../agent/llama-server/probe.ts";
import { ensureTool } from "../../../toolchain/ensure.ts";

const PROMPT = "The quick brown fox jumps over the lazy dog. ".repeat(20);
const silent = () => {};

describe("a test request to a real llama-server that keeps a prompt", function () {
  this.timeout(120_000);
  let server: ChildProcess | undefined;
  afterEach(() => server?.kill("SIGKILL"));

  const start = async (parallel: number): Promise<Expected> => {
    const [binary, model, port] = [
      await ensureTool("llama-server", silent),
      await ensureTool("gemma3-270m", silent),
      await getPort(),
    ];
    const flags = ["--model", model, "--port", String(port), "--ctx-size", "2048", "--parallel", String(parallel)];
    const cache = ["--cache-ram", "0", "--ctx-checkpoints", "0", "--alias", "default/chat", "--offline", "--swa-full"];
    server = spawn(binary, [...flags, ...cache], { stdio: "ignore" });
    const expected: Expected = {
      host: "127.0.0.1",
      port,
      mode: "chat",
      name: "default/chat",
      modelPath: model,
      apiKey: undefined,
    };
    for (let tries = 0; tries < 300 && (await checkAnswers(expected)).kind !== "well"; tries += 1) await sleep(200);
    return expected;
  };
  /** Tokens of the prompt that the server had not to read again. */
  const cachedTokens = async ({ port }: Expected) => {
    const body = { prompt: PROMPT, max_tokens: 1, temperature: 0 };
    const { text } = await askLocal({ host: "127.0.0.1", port, path: "/v1/completions", body, timeoutMs: 60_000 });
    return (JSON.parse(text) as { usage: { prompt_tokens_details: { cached_tokens: number } } }).usage
      .prompt_tokens_details.cached_tokens;
  };
  /** What an unused server is asked, after so much time. */
  const next = (slots: Shown) => {
    const first = askOrWait(answeringSince(0), slots, true, 0);
    assert(first.kind === "wait");
    return askOrWait(first.answering, slots, true, 1);
  };

  it("goes to a slot that holds nobody's prompt, of two, and leaves the other one as it was", async () => {
    const expected = await start(2);
    assert.equal(await cachedTokens(expected), 0);
    const asked = next(await slotsOf(expected));
    assert(asked.kind === "ask" && asked.slot !== undefined);
    assert.deepEqual(await checkStillAnswers(expected, asked.slot), { kind: "well" });
    assert.ok((await cachedTokens(expected)) > 150);
    // Where the server likes is where the prompt is, since it begins with the same token.
    assert.deepEqual(await checkStillAnswers(expected, undefined), { kind: "well" });
    assert.deepEqual(await checkStillAnswers(expected, undefined), { kind: "well" });
  });

  it("is not sent where the only slot holds a prompt, which it would cost", async () => {
    const expected = await start(1);
    const unused = next(await slotsOf(expected));
    assert.deepEqual(unused, { kind: "ask", slot: 0 });
    await cachedTokens(expected);
    assert.equal(next(await slotsOf(expected)).kind, "wait");
    assert.ok((await cachedTokens(expected)) > 150);
    assert.deepEqual(await checkStillAnswers(expected, 0), { kind: "well" });
    assert.ok((await cachedTokens(expected)) < 5);
  });
});
