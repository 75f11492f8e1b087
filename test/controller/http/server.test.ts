import assert from "node:assert/strict";
import { parseListen } from "../../../api/listen.ts";
import { controllerMetrics } from "../../../controller/http/metrics.ts";
import { type HealthServer, serveHealth } from "../../../controller/http/server.ts";

describe("health and metrics of the controller", () => {
  const servers: HealthServer[] = [];
  afterEach(() => Promise.all(servers.splice(0).map(({ close }) => close())));

  const metrics = () =>
    controllerMetrics({
      isLeader: () => true,
      isSynced: () => false,
      queued: () => ({ services: 3 }),
      headerReads: () => 2,
      watched: () => ({ Pod: 7 }),
      relists: () => ({ Pod: 1 }),
    });
  const open = async (problems: { stuck?: string; unready?: string } = {}, { registry } = metrics()) => {
    const health = { stuck: () => problems.stuck, unready: () => problems.unready };
    const server = await serveHealth({ host: "127.0.0.1", port: 0 }, health, registry);
    assert.ok(server.ok);
    servers.push(server.value);
    return async (path: string, init?: RequestInit) => {
      const response = await fetch(server.value.url + path, init);
      return { status: response.status, text: await response.text() };
    };
  };

  it("says ok where nothing is wrong", async () => {
    const get = await open();
    for (const path of ["/livez", "/healthz"]) assert.deepEqual(await get(path), { status: 200, text: "ok\n" });
    assert.deepEqual(await get("/readyz?verbose"), { status: 200, text: "ok\n" });
  });

  it("says why it is not ready, and lives all the same", async () => {
    const get = await open({ unready: "the CRDs are not there" });
    assert.deepEqual(await get("/readyz"), { status: 503, text: "the CRDs are not there\n" });
    assert.equal((await get("/livez")).status, 200);
  });

  it("says that it is stuck, and so not ready either", async () => {
    const get = await open({ stuck: "no work has ended for 10 min" });
    for (const path of ["/livez", "/readyz"]) assert.equal((await get(path)).status, 503);
  });

  it("counts passes and writes, and looks the rest up", async () => {
    const counted = metrics();
    counted.reconciled("InferenceService", 0.2, true);
    counted.wrote("apply", "Deployment", false);
    const { text } = await (await open({}, counted))("/metrics");
    for (const line of [
      'llmkube_mac_controller_reconcile_seconds_count{kind="InferenceService",result="ok"} 1',
      'llmkube_mac_controller_writes_total{verb="apply",kind="Deployment",result="failed"} 1',
      "llmkube_mac_controller_leader 1",
      "llmkube_mac_controller_synced 0",
      'llmkube_mac_controller_queue_length{queue="services"} 3',
      'llmkube_mac_controller_watched_objects{kind="Pod"} 7',
    ]) {
      assert.ok(text.includes(line), `${line} is missing in\n${text}`);
    }
  });

  it("changes nothing, and has nothing else", async () => {
    const get = await open();
    assert.equal((await get("/metrics", { method: "POST" })).status, 405);
    assert.equal((await get("/constructor")).status, 404);
  });

  it("says which port is in use", async () => {
    await open();
    const port = Number(new URL(servers[0]?.url ?? "").port);
    const second = await serveHealth(
      { host: "127.0.0.1", port },
      { stuck: () => undefined, unready: () => undefined },
      metrics().registry,
    );
    assert.match(
      second.ok ? "" : second.error,
      /cannot be answered at http:\/\/127\.0\.0\.1:\d+ \(the port is in use\): name another/,
    );
  });

  for (const [text, expected] of [
    ["off", "off"],
    ["localhost:9098", { host: "127.0.0.1", port: 9098 }],
    ["0.0.0.0:8080", { host: "0.0.0.0", port: 8080 }],
    ["[::]:8080", { host: "::", port: 8080 }],
    ["9098", undefined],
    ["example.com:80", undefined],
    ["127.0.0.1:70000", undefined],
  ] as const) {
    it(`--listen ${text}: ${expected === undefined ? "refused" : "accepted"}`, () => {
      const address = parseListen(text);
      assert.deepEqual(address.ok ? address.value : undefined, expected);
    });
  }
});
