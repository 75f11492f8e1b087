import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { answers, type Expected, isHealthy } from "../../../agent/llama-server/probe.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const KEY = "the-key";
const MODEL = "/models/chat.gguf";

/** Answers as llama-server does: /health to everybody, the rest to whoever has the key. */
describe("a probe of a server with keys", () => {
  let server: Server;
  let expected: Expected;
  let file: string;

  beforeEach(async () => {
    file = join(await temporaryDirectory(), "keys");
    await writeFile(file, KEY, { mode: 0o600 });
    server = createServer(({ url, headers }, response) => {
      const allowed = url === "/health" || headers.authorization === `Bearer ${KEY}`;
      response.statusCode = allowed ? 200 : 401;
      response.end(
        JSON.stringify(allowed ? { model_path: MODEL, model_alias: "default/chat" } : { error: "Invalid API Key" }),
      );
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    expected = { port, mode: "chat", name: "default/chat", modelPath: MODEL, apiKeyFile: file };
  });
  afterEach(() => server.close());

  it("finds it healthy and ready with the key", async () => {
    assert.deepEqual([await isHealthy(expected), await answers(expected)], [true, true]);
  });

  it("finds it healthy, though not ready, while the key file cannot be read", async () => {
    await chmod(file, 0o644);
    assert.deepEqual([await isHealthy(expected), await answers(expected)], [true, false]);
  });

  it("fails after the keys changed: it has to be restarted with the new ones", async () => {
    await writeFile(file, "another-key");
    assert.equal(await isHealthy(expected), false);
  });

  it("fails for another model on its port", async () => {
    assert.equal(await isHealthy({ ...expected, modelPath: "/models/other.gguf" }), false);
  });
});
