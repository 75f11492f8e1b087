import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import type { Route } from "../../../agent/gateway/models.ts";
import { aModel, answersJson, closed, closingScene, standInModels, until } from "./scene.ts";

const LOADS: Route = { kind: "waits", message: "it loads", expectedMs: 1 };
const HOST = "host: localhost\r\n";
const BODY = '{"model":"qwen"}';
const ASKS = `POST /v1/completions HTTP/1.1\r\n${HOST}content-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;
const BROKEN_BODY = `POST /v1/completions HTTP/1.1\r\n${HOST}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nxx\r\n`;

describe("what is no sound HTTP, behind a request that is answered still", () => {
  const { server, gateway, close } = closingScene();
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await close();
  });
  /** A connection, and all that came on it. */
  const dialled = (port: number) => {
    const socket = connect(port, "127.0.0.1");
    sockets.push(socket);
    let said = "";
    socket.on("data", (chunk) => (said += String(chunk)));
    socket.on("error", () => {});
    return { socket, said: () => said, isClosed: closed(socket) };
  };
  const opened = async (limits: Parameters<typeof gateway>[1] = {}) => {
    const models = standInModels(aModel("default/qwen"));
    models.set("default/qwen", LOADS);
    const backend = await server(answersJson({ answer: 1 }));
    return { models, backend, ...(await gateway(models, limits)) };
  };

  const cases: readonly (readonly [what: string, behind: string, status: number])[] = [
    ["garbage", "garbage\r\n\r\n", 400],
    ["a body that breaks", BROKEN_BODY, 400],
    ["headers that are too large", `GET /health HTTP/1.1\r\n${HOST}x: ${"a".repeat(70_000)}\r\n\r\n`, 431],
    ["a CONNECT", `CONNECT localhost:1 HTTP/1.1\r\n${HOST}\r\n`, 405],
  ];
  for (const [what, behind, status] of cases) {
    it(`is refused in its turn, and closes the connection then: ${what}`, async () => {
      const { port, models, backend, seen } = await opened();
      const { socket, said, isClosed } = dialled(port);
      socket.write(ASKS + behind);
      await until(() => models.waiting("default/qwen") === 1, "the wait");
      // More of it changes nothing.
      socket.write("more\r\n\r\n");
      await new Promise((resolve) => setTimeout(resolve, 30));
      assert.equal(said(), "");
      models.set("default/qwen", backend.ready);
      await isClosed;
      assert.match(
        said(),
        new RegExp(`^HTTP/1\\.1 200 OK[\\s\\S]+\\{"answer":1\\}[\\s\\S]*HTTP/1\\.1 ${status} [\\s\\S]+"error":`),
      );
      assert.deepEqual([seen[0]?.end, seen[0]?.status], ["answered", 200]);
    });
  }

  it("is refused after the whole of a stream that had begun", async () => {
    const { port, models } = await opened();
    const stream = await server((request, response) => {
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write("data: 1\n\n");
    });
    models.set("default/qwen", stream.ready);
    const { socket, said, isClosed } = dialled(port);
    socket.write(ASKS);
    await until(() => said().includes("data: 1"), "the stream");
    socket.write("garbage\r\n\r\n");
    await new Promise((resolve) => setTimeout(resolve, 30));
    stream.got[0]?.response.end("data: [DONE]\n\n");
    await isClosed;
    assert.match(said(), /data: 1\n\n[\s\S]+data: \[DONE\]\n\n[\s\S]+HTTP\/1\.1 400 /);
  });

  it("is refused in its turn where it is a head that does not come", async () => {
    const { port, models, backend } = await opened({ headersMs: 100 });
    const { socket, said, isClosed } = dialled(port);
    socket.write(`${ASKS}GET /health HTTP/1.1\r\nho`);
    await until(() => models.waiting("default/qwen") === 1, "the wait");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(said(), "");
    models.set("default/qwen", backend.ready);
    await isClosed;
    assert.match(said(), /^HTTP\/1\.1 200 OK[\s\S]+HTTP\/1\.1 408 /);
  });

  it("hides no client that goes away", async () => {
    for (const behind of ["garbage\r\n\r\n", "GET /heal", `CONNECT localhost:1 HTTP/1.1\r\n${HOST}\r\n`]) {
      const { port, models, seen } = await opened();
      const { socket } = dialled(port);
      socket.write(ASKS + behind);
      await until(() => models.waiting("default/qwen") === 1, "the wait");
      socket.end();
      await until(() => seen.length === 1, `the end of the wait before ${behind}`);
      assert.deepEqual([seen[0]?.end, models.waiting("default/qwen")], ["aborted", 0]);
    }
  });

  it("ends nothing but its connection where the client resets it", async () => {
    const { port, url } = await opened();
    for (let times = 0; times < 20; times += 1) {
      const { socket, isClosed } = dialled(port);
      socket.write(`CONNECT localhost:1 HTTP/1.1\r\n${HOST}\r\n`, () => socket.resetAndDestroy());
      await isClosed;
    }
    assert.equal((await fetch(url("/health"))).status, 200);
  });
});
