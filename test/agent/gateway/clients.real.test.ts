import assert from "node:assert/strict";
import { join } from "node:path";
import { execa } from "execa";
import OpenAI from "openai";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { inProcess } from "../../support/in-process.ts";
import { BUILD_TIMEOUT_MS } from "../../support/pulumi.ts";
import { type ClientsScene, clientsScene, KEY, USED_UP_KEY } from "./clients-scene.ts";
import { until } from "./scene.ts";

const MESSAGES: OpenAI.ChatCompletionMessageParam[] = [{ role: "user", content: "Hello" }];
/** Of Gemma 3 270M. */
const DIMENSIONS = 640;
const ALL = ["default/gemma", "default/vectors", "default/later", "default/never", "default/slow"];

describe("OpenAI's own clients, against the gateway before real servers", function () {
  this.timeout(240_000);
  let scene: ClientsScene;
  let client: OpenAI;
  const clientWith = (apiKey: string) => new OpenAI({ baseURL: scene.opened.gateway.url, apiKey, maxRetries: 0 });

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    scene = await clientsScene();
    client = clientWith(KEY);
  });
  after(() => scene?.close());
  afterEach(() => assert.deepEqual(scene.opened.faults, []));

  const chat = (model: string, of: OpenAI = client) =>
    of.chat.completions.create({ model, messages: MESSAGES, max_tokens: 3 });

  describe("openai of npm", () => {
    it("chats, whole and streamed", async () => {
      const whole = await chat("gemma");
      assert.equal(whole.usage?.completion_tokens, 3);
      assert.ok(whole.choices[0]?.message.content);
      const options = { stream: true, stream_options: { include_usage: true } } as const;
      const request = { model: "default/gemma", messages: MESSAGES, max_tokens: 3, ...options };
      let [text, tokens] = ["", 0];
      for await (const { choices, usage } of await client.chat.completions.create(request)) {
        text += choices[0]?.delta.content ?? "";
        tokens = usage?.completion_tokens ?? tokens;
      }
      assert.ok(text !== "");
      assert.equal(tokens, 3);
    });

    it("aborts a stream, and the server is free again", async () => {
      const request = { model: "gemma", messages: MESSAGES, max_tokens: 2000, stream: true } as const;
      const stream = await client.chat.completions.create(request);
      for await (const _ of stream) break;
      await until(() => scene.models.inFlight("default/gemma") === 0, "the end of the request");
      assert.equal(scene.opened.seen.at(-1)?.end, "aborted");
    });

    it("completes a text, embeds, and lists the models", async () => {
      const completion = await client.completions.create({ model: "gemma", prompt: "The capital of", max_tokens: 3 });
      assert.ok(completion.choices[0]?.text);
      const { data } = await client.embeddings.create({ model: "vectors", input: ["Hello", "there"] });
      assert.deepEqual(
        data.map(({ embedding }) => embedding.length),
        [DIMENSIONS, DIMENSIONS],
      );
      const listed = await client.models.list();
      assert.deepEqual(
        listed.data.map(({ id }) => id),
        ALL,
      );
      assert.equal((await client.models.retrieve("gemma")).id, "default/gemma");
    });

    it("throws its own classes of errors, with our sentences", async () => {
      await assert.rejects(chat("gemma", clientWith("sk-this-is-no-key-of-it")), OpenAI.AuthenticationError);
      await assert.rejects(chat("gema"), (error) => {
        assert.ok(error instanceof OpenAI.NotFoundError);
        return error.code === "model_not_found" && /did you mean gemma\?/.test(error.message);
      });
      const noList = { model: "gemma", messages: "no list" as never };
      await assert.rejects(client.chat.completions.create(noList), OpenAI.BadRequestError);
      await assert.rejects(chat("later"), (error) => {
        assert.ok(error instanceof OpenAI.InternalServerError);
        return error.status === 503 && error.headers.get("retry-after") === "2";
      });
      await assert.rejects(chat("never"), (error) => {
        assert.ok(error instanceof OpenAI.InternalServerError);
        return error.status === 507 && error.code === "model_cannot_run" && /needs 9 GiB/.test(error.message);
      });
      const impatient = client.withOptions({ timeout: 1000 });
      await assert.rejects(chat("slow", impatient), OpenAI.APIConnectionTimeoutError);
      await until(() => scene.models.waiting("default/slow") === 0, "the end of the wait");
    });

    it("repeats nothing that cannot be answered, though it repeats what may come", async () => {
      const before = scene.opened.seen.length;
      await assert.rejects(chat("never", client.withOptions({ maxRetries: 2 })), OpenAI.InternalServerError);
      assert.equal(scene.opened.seen.length, before + 1);
    });

    it("throws RateLimitError for a key that has used up its tokens", async () => {
      const used = clientWith(USED_UP_KEY);
      await chat("gemma", used).catch(() => {});
      await assert.rejects(chat("gemma", used), OpenAI.RateLimitError);
    });
  });

  it("openai of Python gets the same", async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    const python = await ensureTool("python-openai", () => {});
    await chat("gemma", clientWith(USED_UP_KEY)).catch(() => {});
    const script = join(import.meta.dirname, "openai_client.py");
    const env = { GATEWAY_KEY: KEY, USED_UP_KEY, PYTHONDONTWRITEBYTECODE: "1" };
    const { stdout } = await execa(python, [script, scene.opened.gateway.url], { env });
    const { chat: said, stream, abort, completion, embedding, models, faults } = JSON.parse(stdout);
    assert.ok(said && stream.text && completion);
    assert.deepEqual([stream.tokens, abort, embedding], [3, true, DIMENSIONS]);
    assert.deepEqual(models, ALL);
    assert.deepEqual(faults, {
      key: { class: "AuthenticationError", status: 401, code: "invalid_api_key" },
      name: { class: "NotFoundError", status: 404, code: "model_not_found" },
      body: { class: "BadRequestError", status: 400, code: faults.body?.code },
      later: { class: "InternalServerError", status: 503, code: "model_not_ready" },
      never: { class: "InternalServerError", status: 507, code: "model_cannot_run" },
      slow: { class: "APITimeoutError", status: null, code: null },
      rate: { class: "RateLimitError", status: 429, code: "rate_limit_exceeded" },
    });
    await until(() => scene.models.inFlight("default/gemma") === 0, "the end of the aborted stream");
  });

  it("pulumi-llmkube try gets an answer, and needs a key", async () => {
    const gateway = new URL(scene.opened.gateway.url).origin;
    const ask = () =>
      inProcess("try", "gemma", "The capital of France is", "--max-tokens", "3", "--complete", "--gateway", gateway);
    const refused = await ask();
    assert.equal(refused.exitCode, 2);
    assert.match(refused.stderr, /give it with --key-file or PULUMI_LLMKUBE_KEY$/);
    process.env["PULUMI_LLMKUBE_KEY"] = KEY;
    try {
      const { exitCode, stdout, stderr } = await ask();
      assert.equal(exitCode, 0, stderr);
      assert.ok(stdout.trim() !== "");
      assert.match(stderr, /^3 tokens, [\d.]+ tokens\/s, first token after \d+\.\d s; cut at --max-tokens 3/);
    } finally {
      delete process.env["PULUMI_LLMKUBE_KEY"];
    }
  });
});
