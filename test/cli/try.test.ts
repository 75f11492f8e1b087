import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileSink } from "../../agent/status/status-file.ts";
import { NO_ANSWER, numbersOf, withSaid } from "../../cli/try/answer.ts";
import { type Said, saidIn } from "../../cli/try/events.ts";
import { readPrompt } from "../../cli/try/input.ts";
import { targetOf } from "../../cli/try/target.ts";
import { waitingOn } from "../../cli/try/waiting.ts";
import { aStatus, aWorkloadStatus } from "../agent/http/recorded.ts";
import { inProcess } from "../support/in-process.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { startCli } from "./running.ts";

interface Asked {
  readonly path: string | undefined;
  readonly authorization: string | undefined;
  readonly body: Record<string, unknown>;
}

type Answers = (response: ServerResponse, asked: Asked) => unknown;

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const word = (content: string) => event({ choices: [{ index: 0, delta: { content } }] });
const END = `${event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}${event({
  choices: [],
  usage: { completion_tokens: 12 },
  timings: { predicted_per_second: 34.4 },
})}data: [DONE]\n\n`;

function streams(...parts: readonly string[]): Answers {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const part of parts) response.write(part);
    response.end();
  };
}

/** What the gateway says of one model. */
function listed(path: string | undefined, response: ServerResponse): void {
  const mode = path === "/v1/models/vectors" ? "embedding" : "chat";
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: path, mode }));
}

function refuses(status: number, message: string, headers: Record<string, string> = {}): Answers {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify({ error: { message, type: "server_error", code: "x", param: null } }));
  };
}

describe("pulumi-llmkube try", function () {
  this.timeout(60_000);
  let server: Server;
  let origin: string;
  let answers: Answers;
  let asked: Asked[];

  before(async () => {
    server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
      const { url: path, headers, method } = request;
      if (method === "GET") return listed(path, response);
      const one = { path, authorization: headers.authorization, body: JSON.parse(await text(request)) };
      asked.push(one);
      answers(response, one);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    asked = [];
    answers = streams(word("Hel"), word("lo."), END);
  });
  // A command leaves its listener for a reader that goes away, as it ends with its process.
  const listeners = process.stdout.listeners("error");
  afterEach(() => {
    for (const one of process.stdout.listeners("error")) {
      if (!listeners.includes(one)) process.stdout.off("error", one as () => void);
    }
  });
  const tries = (...flags: readonly string[]) => inProcess("try", "chat", "Hi", "--gateway", origin, ...flags);

  it("prints the answer, and its numbers on standard error", async () => {
    const { exitCode, stdout, stderr } = await tries("--system", "Be brief.", "--max-tokens", "20");
    assert.deepEqual([exitCode, stdout], [0, "Hello."]);
    assert.match(stderr, /^12 tokens, 34 tokens\/s, first token after \d+\.\d s$/);
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
    ];
    const { path, authorization, body } = asked[0] ?? assert.fail();
    assert.deepEqual([path, authorization], ["/v1/chat/completions", undefined]);
    const stream = { stream: true, stream_options: { include_usage: true } };
    assert.deepEqual(body, { model: "chat", max_tokens: 20, messages, ...stream });
  });

  it("says on standard error what it waits for: each new comment line once, without commands for a terminal", async () => {
    answers = streams(": loading \u001b[2Jchat\n\n", ": loading \u001b[2Jchat\n\n", ":\n\n", word("Yes"), END);
    const { stdout, stderr } = await tries();
    assert.equal(stdout, "Yes");
    assert.match(stderr, /^… loading \ufffd\[2Jchat\n12 tokens/);
  });

  it("prints no commands for a terminal that a model writes", async () => {
    answers = streams(word("a\u001b]0;owned\u0007b"), END);
    assert.equal((await tries()).stdout, "a\ufffd]0;owned\ufffdb");
  });

  it("prints one object with --json, also of a failure", async () => {
    const { stdout } = await tries("--json");
    const { firstTokenMs, ...rest } = JSON.parse(stdout);
    assert.ok(firstTokenMs >= 0);
    assert.deepEqual(rest, { model: "chat", text: "Hello.", finishReason: "stop", tokens: 12, tokensPerSecond: 34.4 });
    answers = refuses(503, "full until 12:00", { "retry-after": "7" });
    const failed = await tries("--json");
    assert.equal(failed.exitCode, 1);
    const fault = { error: "full until 12:00; try again in 7 s", status: 503, retryAfterMs: 7000 };
    assert.deepEqual(JSON.parse(failed.stdout), fault);
  });

  const refused: readonly (readonly [answer: Answers, exitCode: number, says: RegExp])[] = [
    [refuses(404, "there is no model chat; did you mean chap?"), 2, /: there is no model chat; did you mean chap\?$/],
    [refuses(401, "a key is needed"), 2, /: a key is needed; give it with --key-file or PULUMI_LLMKUBE_KEY$/],
    [refuses(429, "too many", { "retry-after": "3" }), 1, /: too many; try again in 3 s$/],
    [refuses(507, "needs 9 GiB, allowed 4 GiB"), 1, /: needs 9 GiB, allowed 4 GiB$/],
    [(response) => response.writeHead(502).end("<html>"), 1, /: it answered with status 502, and no reason$/],
    [(response) => response.writeHead(302, { location: "http://x.invalid/" }).end(), 1, /status 302/],
    [streams(word("Hal"), event({ error: { message: "the server died" } })), 1, /: chat: the server died$/],
    [streams(word("Hal")), 1, /: chat: the answer broke off/],
    [streams("data: {garbage\n\n"), 1, /: chat: what came is no event of OpenAI's API$/],
    [streams(END), 1, /: chat: it answered with nothing$/],
    [(response) => response.socket?.destroy(), 1, /: no answer from http:\S+: the connection failed/],
  ];
  for (const [answer, exitCode, says] of refused) {
    it(`exits with ${exitCode} and says ${says}`, async () => {
      answers = answer;
      const outcome = await tries();
      assert.match(outcome.stderr, says);
      assert.equal(outcome.exitCode, exitCode);
      assert.doesNotMatch(outcome.stderr, /\n.*\n|at .*\.ts/);
    });
  }

  it("keeps what came before an answer broke off", async () => {
    answers = streams(word("Hal"));
    assert.equal((await tries()).stdout, "Hal");
    assert.equal(JSON.parse((await tries("--json")).stdout).text, "Hal");
  });

  it("completes a text where a chat is not possible, and at once with --complete", async () => {
    answers = (response, { path }) =>
      path === "/v1/completions"
        ? streams(event({ choices: [{ text: " Paris" }] }), END)(response, asked[0] ?? assert.fail())
        : refuses(400, "this model has no chat template")(response, asked[0] ?? assert.fail());
    const { stdout, stderr, exitCode } = await tries();
    assert.deepEqual([exitCode, stdout], [0, " Paris"]);
    assert.match(stderr, /^chat cannot chat, so it goes on with the prompt as a text\n/);
    assert.deepEqual(
      asked.map(({ body }) => body["prompt"]),
      [undefined, "Hi"],
    );
    await tries("--complete");
    assert.deepEqual(asked.map(({ path }) => path).slice(2), ["/v1/completions"]);
  });

  it("shows a key to the gateway, and to nobody else", async () => {
    const file = join(await temporaryDirectory(), "key");
    await writeFile(file, "sk-secret\n");
    await tries("--key-file", file);
    assert.equal(asked[0]?.authorization, "Bearer sk-secret");
    await writeFile(file, "sk-secret two\n");
    const { exitCode, stderr } = await tries("--key-file", file);
    assert.equal(exitCode, 2);
    assert.match(stderr, /must hold one key and nothing else/);
    assert.doesNotMatch(stderr, /sk-secret/);
  });

  it("takes the key of the environment", async () => {
    process.env["PULUMI_LLMKUBE_KEY"] = "sk-env";
    try {
      await tries();
    } finally {
      delete process.env["PULUMI_LLMKUBE_KEY"];
    }
    assert.equal(asked[0]?.authorization, "Bearer sk-env");
  });

  const wrong: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
    [["--gateway", "ftp://x"], /It must be http:\/\/host:port/],
    [["--gateway", "http://a:b@x"], /It must be http:\/\/host:port/],
    [["--gateway", "http://x/other"], /It must be http:\/\/host:port/],
    [["--max-tokens", "0"], /whole number of tokens/],
    [["--complete", "--system", "x"], /cannot be used with option/],
    [["--key-file", "/nowhere/key"], /--key-file \/nowhere\/key cannot be read \(ENOENT\)/],
  ];
  for (const [flags, says] of wrong) {
    it(`refuses ${flags.join(" ")} with exit code 2`, async () => {
      const { exitCode, stderr } = await tries(...flags);
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
      assert.equal(asked.length, 0);
    });
  }

  it("asks no model for embeddings, and wakes none", async () => {
    const { exitCode, stderr } = await inProcess("try", "vectors", "Hi", "--gateway", origin);
    const says = "vectors writes no answers, as it is served in the mode embedding: ask /v1/embeddings of it";
    assert.deepEqual([exitCode, stderr, asked.length], [2, `pulumi-llmkube: ${says}`, 0]);
  });

  it("refuses an empty prompt", async () => {
    const { exitCode, stderr } = await inProcess("try", "chat", " ", "--gateway", origin);
    assert.deepEqual([exitCode, stderr], [2, "pulumi-llmkube: the prompt is empty"]);
  });

  it("finds the gateway by the agent's status, else asks a Ready model's own server", async () => {
    const state = await temporaryDirectory();
    const missing = await inProcess("try", "chat", "Hi", "--state", state);
    assert.equal(missing.exitCode, 2);
    const workload = aWorkloadStatus("default/chat", { endpoint: `${origin}/v1` });
    await fileSink(state).publish(aStatus([workload]));
    const gone = await inProcess("try", "chat", "Hi", "--state", state);
    assert.deepEqual([gone.exitCode, /no agent runs/.test(gone.stderr)], [1, true], gone.stderr);
    const target = (name: string, part: object = {}) => {
      const found = targetOf(name, aStatus([workload], part));
      return found.ok ? found.value : found.error;
    };
    assert.deepEqual(target("chat"), { origin, who: "server" });
    const gatewayUrl = "http://127.0.0.1:9000/v1";
    assert.deepEqual(target("any", { gatewayUrl }), { origin: "http://127.0.0.1:9000", who: "gateway" });
    assert.equal(
      target("default/chta"),
      "there is no model default/chta: there is default/chat; did you mean default/chat?",
    );
    const starting = targetOf("chat", aStatus([aWorkloadStatus("default/chat", { state: "Starting" })]));
    assert.match(starting.ok ? "" : starting.error, /^default\/chat is Starting, and this agent has no gateway/);
  });

  it("ends with 130 after Ctrl-C, and hangs up", async () => {
    let hungUp: Promise<unknown> = Promise.resolve();
    answers = (response) => {
      hungUp = once(response, "close");
      response.writeHead(200, { "content-type": "text/event-stream" }).write(word("Once upon"));
    };
    const running = startCli("try", "chat", "Hi", "--gateway", origin);
    await running.printed(/Once upon/);
    assert.equal(await running.interrupted(), 130);
    await hungUp;
    assert.equal(running.stdout(), "Once upon\n");
  });
});

describe("what try makes of a stream", () => {
  const all = (...events: readonly unknown[]) => events.flatMap((one) => saidIn(JSON.stringify(one)) ?? []);
  const heard = (said: readonly Said[]) => said.reduce((answer, one) => withSaid(answer, one, 800), NO_ANSWER);

  it("counts a thought as the first token, and prints none of it", () => {
    const said = all({ choices: [{ delta: { reasoning_content: "hm" } }] }, { choices: [{ delta: { content: "4" } }] });
    assert.deepEqual(
      said.map(({ kind }) => kind),
      ["thought", "text"],
    );
    assert.equal(heard(said).text, "4");
    assert.equal(
      numbersOf({ ...heard(said), tokens: 1, perSecond: 3.14 }, 9),
      "1 token, 3.1 tokens/s, first token after 0.8 s",
    );
  });

  it("says where an answer was cut", () => {
    const said = all({ choices: [{ delta: {}, finish_reason: "length" }], usage: { completion_tokens: 9 } });
    assert.match(numbersOf(heard(said), 9), /^9 tokens; cut at --max-tokens 9/);
  });

  it("reads a prompt of pieces that cut a letter, and refuses what is no text", async () => {
    const pieces = (...parts: readonly Buffer[]) =>
      (async function* () {
        yield* parts;
      })();
    const whole = Buffer.from("é");
    const read = await readPrompt("-", pieces(whole.subarray(0, 1), whole.subarray(1)));
    assert.equal(read.ok && read.value, "é");
    assert.equal((await readPrompt("-", pieces(Buffer.from([0xff])))).ok, false);
    assert.equal((await readPrompt("-", pieces())).ok, false);
  });

  it("writes over one line of a terminal, and takes it off", () => {
    let written = "";
    const screen = Object.assign(Object.create(process.stderr), {
      isTTY: true,
      columns: 30,
      write: (piece: string) => {
        written += piece;
        return true;
      },
    });
    const waiting = waitingOn(screen);
    waiting.on(`loading ${"x".repeat(80)}`);
    waiting.on("almost");
    waiting.off();
    assert.ok(!written.includes("\n"));
    assert.match(written, /… loading x{19}(?!x)/);
    assert.ok(written.endsWith("\u001b[1G\u001b[2K"), JSON.stringify(written));
  });
});
