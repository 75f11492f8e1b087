import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { aModel, answersJson, chat, closingScene, raw, standInModels, until } from "./scene.ts";

const MIB = 2 ** 20;

describe("the gateway keeps nothing", () => {
  const { server, gateway, close } = closingScene();
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await close();
  });

  const opened = async (...[limits]: Parameters<typeof gateway> extends [unknown, ...infer Rest] ? Rest : never) => {
    const backend = await server(answersJson({}));
    const models = standInModels(aModel("default/qwen"), aModel("default/phi"));
    models.set("default/qwen", { kind: "waits", message: "it loads", expectedMs: 1 });
    models.set("default/phi", backend.ready);
    return { backend, models, ...(await gateway(models, limits)) };
  };
  const dialled = async (port: number, text: string) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    sockets.push(socket);
    socket.on("error", () => {});
    socket.write(text);
    await once(socket, "connect");
    return socket;
  };
  const post = (body: string, length = body.length) =>
    `POST /v1/completions HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`;

  it("of a large body whose request was refused before all of it came", async () => {
    const { url } = await opened({ readAheadBytes: MIB / 4, totalPrefixBytes: MIB });
    const body = (model: string) => JSON.stringify({ model, pad: "x".repeat(0.7 * MIB) });
    for (let times = 0; times < 8; times += 1) {
      const refused = await fetch(url("/v1/completions"), { ...chat({}), body: body("nobody") });
      assert.equal(refused.status, 404);
      await refused.text();
    }
    assert.equal((await fetch(url("/v1/completions"), { ...chat({}), body: body("phi") })).status, 200);
  });

  it("of a refused request whose body comes later, and takes its next one", async () => {
    const { port } = await opened({ readAheadBytes: MIB / 4, totalPrefixBytes: MIB, bodyIdleMs: 60_000 });
    const body = JSON.stringify({ model: "nobody", pad: "x".repeat(3 * MIB) });
    const health = "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    const answer = await raw(port, post(body), health);
    assert.match(answer, /^HTTP\/1\.1 404 [\s\S]+HTTP\/1\.1 200 OK[\s\S]+"status":"ok"/);
  });

  it("of a client that went away with requests behind the one that it waited for", async () => {
    const { port, models, seen, url } = await opened({ totalPrefixBytes: MIB });
    const pad = "x".repeat(0.7 * MIB);
    const whole = post(JSON.stringify({ model: "qwen" }));
    const socket = await dialled(port, `${whole}${whole}${post(`{"model":"phi","pad":"${pad}`, 2 * MIB)}`);
    await until(() => models.waiting("default/qwen") === 2, "two waits");
    const large = { ...chat({}), body: JSON.stringify({ model: "phi", pad }) };
    const full = async () => (await fetch(url("/v1/completions"), large)).status === 503;
    while (!(await full())) await new Promise((resolve) => setTimeout(resolve, 20));
    socket.destroy();
    await until(() => models.waiting("default/qwen") === 0, "the end of both");
    await until(() => seen.filter(({ end }) => end === "aborted").length === 3, "three that were aborted");
    // None had an answer.
    const left = seen.filter(({ end }) => end === "aborted");
    assert.deepEqual(
      left.map(({ status }) => status),
      [0, 0, 0],
    );
    assert.equal(await full(), false);
  });

  describe("of a body that its server has", () => {
    const large = { ...chat({}), body: JSON.stringify({ model: "phi", pad: "x".repeat(0.7 * MIB) }) };
    /** A server that answers when it is told to, behind a gateway with room for one such body. */
    const talking = async (limits: Parameters<typeof gateway>[1] = {}) => {
      const backend = await server((request) => request.resume());
      const models = standInModels(aModel("default/phi"));
      models.set("default/phi", backend.ready);
      const bodies = () => backend.got.filter(({ request }) => request.complete).length;
      return { backend, bodies, ...(await gateway(models, { totalPrefixBytes: MIB, ...limits })) };
    };

    it("once its answer has begun", async () => {
      const { backend, url } = await talking();
      for (let streams = 1; streams <= 4; streams += 1) {
        const asked = fetch(url("/v1/completions"), large);
        await until(() => backend.got.length === streams, `stream ${streams}`);
        backend.got.at(-1)?.response.write("data: 1\n\n");
        assert.equal((await asked).status, 200);
      }
    });

    it("once it did not say within a while that it loads", async () => {
      const { bodies, url } = await talking({ repeatMs: 30 });
      const leaving = new AbortController();
      // There is no room for one before the one before it is let go of.
      const sent = async (): Promise<void> => {
        const { status } = await fetch(url("/v1/completions"), { ...large, signal: leaving.signal });
        if (status === 503) await sent();
      };
      const asked: Promise<void>[] = [];
      for (let requests = 1; requests <= 4; requests += 1) {
        asked.push(sent());
        await until(() => bodies() === requests, `body ${requests}`);
      }
      leaving.abort();
      await Promise.allSettled(asked);
    });

    it("and not before, as it may have to be sent again", async () => {
      const { backend, bodies, url } = await talking({ askAgainMs: 1 });
      const asked = fetch(url("/v1/completions"), large);
      await until(() => bodies() === 1, "the body");
      assert.equal((await fetch(url("/v1/completions"), large)).status, 503);
      const loads = { error: { message: "Loading model", type: "unavailable_error", code: 503 } };
      backend.got[0]?.response.writeHead(503, { "content-type": "application/json" }).end(JSON.stringify(loads));
      await until(() => bodies() === 2, "the body once more");
      backend.got[1]?.response.end("{}");
      assert.equal((await asked).status, 200);
    });
  });

  it("of one that leaves its half of a refused connection open", async () => {
    const { port, gateway: open } = await opened();
    const closed: Promise<unknown>[] = [];
    for (const text of ["CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\n\r\n", "nonsense\r\n\r\n"]) {
      const socket = await dialled(port, text);
      closed.push(once(socket.resume(), "end"));
    }
    await Promise.all(closed);
    let ended = false;
    const ending = open.close().then(() => (ended = true));
    await until(() => ended, "the end of the gateway", 5000);
    await ending;
  });
});
