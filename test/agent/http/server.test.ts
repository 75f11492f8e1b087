import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { HTTP_LIMITS, type HttpLimits } from "../../../agent/http/limits.ts";
import { agentMetrics } from "../../../agent/http/metrics.ts";
import { type HttpServer, serveHttp } from "../../../agent/http/server.ts";
import { viewOfLoop } from "../../../agent/http/view.ts";
import { STUCK_MS } from "../../../agent/status/liveness.ts";
import { aStatus, aWorkloadStatus, BUSY } from "./recorded.ts";

describe("what the agent serves over HTTP", () => {
  let now: number;
  let view: ReturnType<typeof viewOfLoop>;
  let metrics: ReturnType<typeof agentMetrics>;
  let server: HttpServer;

  beforeEach(async () => {
    now = 0;
    view = viewOfLoop(() => now);
    metrics = agentMetrics("1");
    const served = await serveHttp({ host: "127.0.0.1", port: 0 }, view, metrics);
    assert(served.ok);
    server = served.value;
  });

  afterEach(async () => server.close());

  const get = (path: string, init?: RequestInit) => fetch(new URL(path, server.url), init);
  const statusOf = async (path: string) => (await get(path)).status;

  it("is ready with the first status, and neither ready nor healthy once the loop is stuck", async () => {
    assert.deepEqual([await statusOf("/healthz"), await statusOf("/readyz")], [200, 503]);
    assert.equal(await statusOf("/api/v1/status"), 503);
    now += STUCK_MS;
    view.show(BUSY);
    assert.deepEqual([await statusOf("/healthz"), await statusOf("/readyz")], [200, 200]);
    now += STUCK_MS - 1;
    assert.deepEqual([await statusOf("/healthz"), await statusOf("/readyz")], [200, 200]);
    now += 1;
    assert.deepEqual([await statusOf("/healthz"), await statusOf("/readyz")], [503, 503]);
    assert.equal(await (await get("/healthz")).text(), "the last tick was 10 s ago\n");
  });

  it("is not healthy where the first tick never comes", async () => {
    now += STUCK_MS;
    assert.equal(await statusOf("/healthz"), 503);
  });

  it("gives the status as JSON and the metrics as text", async () => {
    view.show(BUSY);
    metrics.observe(BUSY);
    assert.deepEqual(await (await get("/api/v1/status")).json(), BUSY);
    const exposition = await get("/metrics");
    assert.match(exposition.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    assert.match(await exposition.text(), /^llmkube_metal_agent_managed_processes 3$/m);
  });

  it("locks the page down, and shows it to no other origin", async () => {
    const page = await get("/?x=1", { headers: { origin: "http://evil.example" } });
    assert.equal(page.status, 200);
    const policy = page.headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self'/);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    assert.equal(page.headers.get("x-content-type-options"), "nosniff");
    assert.equal(page.headers.get("access-control-allow-origin"), null);
    assert.doesNotMatch(await page.text(), /<script(?! type="module" src="\/)|<style|https?:\/\//);
  });

  it("refuses what is not a reading request of this machine", async () => {
    const raw = async (options: object) => {
      const { port } = new URL(server.url);
      const asked = request({ host: "127.0.0.1", port, path: "/api/v1/status", ...options });
      asked.end();
      const [response] = await once(asked, "response");
      response.resume();
      return response.statusCode;
    };
    view.show(BUSY);
    assert.equal(await raw({}), 200);
    assert.equal(await raw({ headers: { host: "rebound.example" } }), 403);
    assert.equal(await raw({ method: "POST" }), 405);
    assert.equal(await raw({ method: "OPTIONS" }), 405);
    assert.equal(await raw({ method: "HEAD" }), 200);
    assert.equal(await raw({ path: "/../package.json" }), 404);
    assert.equal(await raw({ path: "/%2e%2e/page.ts" }), 404);
    assert.equal(await raw({ path: "http://rebound.example/api/v1/status" }), 404);
  });

  it("streams the status there is, and each one after it", async () => {
    view.show(aStatus([]));
    const response = await get("/api/v1/events");
    assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert(response.body);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let seen = "";
    const until = async (text: string) => {
      while (!seen.includes(text)) {
        const { value, done } = await reader.read();
        assert(!done, `ended after ${seen}`);
        seen += value;
      }
    };
    await until('"workloads":[]}\n\n');
    view.show(aStatus([aWorkloadStatus("default/new")]));
    await until('"default/new"');
    assert.match(seen, /^retry: \d+\n\nevent: status\ndata: \{.*\}\n\nevent: status\ndata: \{/);
    await reader.cancel();
  });

  it("has a bound for how many listen, and room again when they are gone", async () => {
    view.show(BUSY);
    const stops: AbortController[] = [];
    const open = async () => {
      const stop = new AbortController();
      stops.push(stop);
      return (await get("/api/v1/events", { signal: stop.signal })).status;
    };
    for (let count = 0; count < 32; count += 1) assert.equal(await open(), 200);
    assert.equal(await open(), 503);
    for (const stop of stops) stop.abort();
    const deadline = Date.now() + 10_000;
    while ((await open()) !== 200) {
      assert(Date.now() < deadline, "no room after all were gone");
      await sleep(50);
    }
    for (const stop of stops) stop.abort();
  });

  describe("with clients that take what they can", () => {
    const impatient = { connections: 4, headersMs: 200, requestMs: 300, keepAliveMs: 200, silenceMs: 400 };
    let sockets: Socket[] = [];
    const open = async (limits: HttpLimits) => {
      await server.close();
      sockets = [];
      const served = await serveHttp({ host: "127.0.0.1", port: 0 }, view, metrics, () => big, limits);
      assert(served.ok);
      server = served.value;
      view.show(BUSY);
    };
    beforeEach(() => open(impatient));
    afterEach(() => {
      for (const socket of sockets) socket.destroy();
    });
    const big = { text: "x".repeat(16 * 2 ** 20) };
    const connection = async (sent: string) => {
      const socket = connect(Number(new URL(server.url).port), "127.0.0.1").on("error", () => {});
      sockets.push(socket);
      await once(socket, "connect");
      socket.write(sent);
      return socket;
    };
    const closed = async (socket: Socket) => socket.closed || once(socket.resume(), "close");
    const asked = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

    it("takes no more of them than it may, and has room again after they are gone", async () => {
      await open({ ...HTTP_LIMITS, connections: 4 });
      const streams = await Promise.all([1, 2, 3].map(() => connection(asked("/api/v1/events"))));
      const answers = await Promise.all(streams.map(async (socket) => String(await once(socket, "data")).slice(9, 12)));
      assert.deepEqual(answers.toSorted(), ["200", "200", "503"]);
      const last = await connection("");
      await closed(await connection(asked("/healthz")));
      await assert.rejects(get("/healthz"));
      for (const socket of [...streams, last]) socket.destroy();
      const deadline = Date.now() + 10_000;
      while ((await statusOf("/healthz").catch(() => 0)) !== 200) assert(Date.now() < deadline, "no room");
    });

    for (const [what, sent] of [
      ["says nothing", ""],
      ["never ends the head of its request", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"],
      ["never ends the body of its request", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1"],
      ["asks once and stays", asked("/healthz")],
    ] as const) {
      it(`closes on one that ${what}`, async () => {
        await closed(await connection(sent));
      });
    }

    it("closes on one that does not read its answer", async () => {
      const socket = await connection(asked("/api/v1/dump"));
      // What the kernels hold is there at once, then nothing moves.
      socket.pause();
      await sleep(1500);
      let got = 0;
      socket.on("data", (chunk) => {
        got += chunk.length;
      });
      await closed(socket);
      assert(got < big.text.length, `${got} bytes came: it was not closed`);
    });
  });

  it("closes with streams open", async () => {
    view.show(BUSY);
    const response = await get("/api/v1/events");
    await server.close();
    await assert.rejects(response.text());
    const again = await serveHttp({ host: "127.0.0.1", port: 0 }, view, metrics);
    assert(again.ok);
    server = again.value;
  });

  it("says which port is taken, and what to do", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    assert(typeof address === "object" && address !== null);
    const served = await serveHttp({ host: "127.0.0.1", port: address.port }, view, metrics);
    assert(!served.ok);
    assert.equal(
      served.error,
      `no status page and no metrics at http://127.0.0.1:${address.port} (the port is in use): name another one with --listen`,
    );
    other.close();
  });
});
