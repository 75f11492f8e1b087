import assert from "node:assert/strict";
import { type GatewayMetrics, gatewayMetrics } from "../../../agent/http/gateway-metrics.ts";
import { agentMetrics } from "../../../agent/http/metrics.ts";
import type { AgentStatus, Unload } from "../../../agent/status/status.ts";
import { nothingCounted } from "../../../agent/supervisor/slot-counts.ts";
import { aStatus, aWorkloadStatus, ON_DEMAND, seen } from "./recorded.ts";

const P = "llmkube_metal_agent_gateway_";
const CHAT = '{namespace="default",name="chat"}';

describe("metrics of the gateway", () => {
  /** Value by `name{labels}`, without the prefix. */
  const exported = async (metrics: ReturnType<typeof agentMetrics>) => {
    const lines = (await metrics.registry.metrics()).split("\n").filter((line) => line.startsWith(P));
    return new Map(
      lines.map((line) => {
        const at = line.lastIndexOf(" ");
        return [line.slice(P.length, at), Number(line.slice(at + 1))];
      }),
    );
  };
  const open = (keys: readonly string[], status: AgentStatus = ON_DEMAND) => {
    const known = new Set(keys);
    const gateway = gatewayMetrics(() => known);
    const metrics = agentMetrics("1", gateway);
    metrics.observe(status);
    return { gateway, metrics, known, ended: gateway.observer.ended };
  };

  it("say of each model who asks for it now, and how often it was woken", async () => {
    const { metrics } = open([]);
    const values = await exported(metrics);
    const expected: readonly (readonly [string, number | undefined])[] = [
      [`requests_in_flight${CHAT}`, 2],
      [`requests_waiting${CHAT}`, 0],
      ['requests_waiting{namespace="default",name="coder"}', 3],
      [`wakes_total${CHAT}`, 4],
      ['requests_in_flight{namespace="default",name="writer"}', 0],
      ['unloads_total{namespace="default",name="writer",reason="MadeRoom"}', 1],
      ['unloads_total{namespace="default",name="summary",reason="Idle"}', 1],
      ['swaps_total{namespace="default",name="coder"}', 1],
    ];
    for (const [series, value] of expected) assert.equal(values.get(series), value, series);
  });

  it("say what became of saved conversations, where any is saved", async () => {
    const counts = nothingCounted();
    const savedSlots = {
      ...{ ...counts, saves: 3, restores: 2, restoredTokens: 900 },
      discarded: { ...counts.discarded, Damaged: 1 },
    };
    const { metrics } = open(
      [],
      aStatus([aWorkloadStatus("default/chat", { savedSlots }), aWorkloadStatus("default/no")]),
    );
    const values = await exported(metrics);
    const expected: readonly (readonly [string, number | undefined])[] = [
      [`slots_saved_total${CHAT}`, 3],
      [`slots_restored_total${CHAT}`, 2],
      [`slots_restored_tokens_total${CHAT}`, 900],
      ['slots_discarded_total{namespace="default",name="chat",reason="Damaged"}', 1],
      ['slots_discarded_total{namespace="default",name="chat",reason="DiskFull"}', 0],
      ['slots_saved_total{namespace="default",name="no"}', undefined],
    ];
    for (const [series, value] of expected) assert.equal(values.get(series), value, series);
  });

  it("have no series where there is no gateway", async () => {
    const metrics = agentMetrics("1");
    metrics.observe(aStatus([aWorkloadStatus("default/chat")]));
    assert.deepEqual([...(await exported(metrics)).keys()], []);
  });

  it("count an unload once, however many statuses have it, and forget those of models that are gone", async () => {
    const metrics = agentMetrics("1");
    const at = (second: number) => `2026-11-27T10:00:0${second}.000Z`;
    const idle = (second: number): Unload => ({ at: at(second), name: "default/a", reason: "Idle", message: "idle" });
    const made: Unload = { ...idle(3), reason: "MadeRoom", madeRoomFor: "default/b" };
    const show = async (names: readonly string[], ...unloads: readonly Unload[]) => {
      const workloads = names.map((name) => aWorkloadStatus(name));
      metrics.observe(aStatus(workloads, { unloads: [...unloads] }));
      const values = await exported(metrics);
      const of = (reason: string) => values.get(`unloads_total{namespace="default",name="a",reason="${reason}"}`);
      return [of("Idle"), of("MadeRoom"), values.get('swaps_total{namespace="default",name="b"}')];
    };
    const both = ["default/a", "default/b"];
    assert.deepEqual(await show(both), [undefined, undefined, undefined]);
    assert.deepEqual(await show(both, idle(1)), [1, undefined, undefined]);
    assert.deepEqual(await show(both, idle(1)), [1, undefined, undefined]);
    assert.deepEqual(await show(both, made, idle(2), idle(1)), [2, 1, 1]);
    // The list is bounded: the oldest go.
    assert.deepEqual(await show(both, idle(4), made), [3, 1, 1]);
    assert.deepEqual(await show(["default/b"], idle(4), made), [undefined, undefined, 1]);
    assert.deepEqual(await show([], idle(4), made), [undefined, undefined, undefined]);
  });

  const requestCases: readonly (readonly [what: string, part: Parameters<typeof seen>[0], labels: string])[] = [
    ["an answer", {}, 'endpoint="chat/completions",status="2xx",end="answered"'],
    ["a refusal", { end: "refused", status: 503 }, 'endpoint="chat/completions",status="5xx",end="refused"'],
    ["a client that left", { end: "aborted", status: 0 }, 'endpoint="chat/completions",status="none",end="aborted"'],
    ["a server that broke", { end: "broken" }, 'endpoint="chat/completions",status="2xx",end="broken"'],
    ["a path without v1", { endpoint: "/rerank" }, 'endpoint="rerank",status="2xx",end="answered"'],
    ["a path below", { endpoint: "/v1/audio/speech" }, 'endpoint="audio",status="2xx",end="answered"'],
    ["a class alone", { endpoint: "embeddings" }, 'endpoint="embeddings",status="2xx",end="answered"'],
    [
      "one of llama-server's own names",
      { endpoint: "/completion" },
      'endpoint="completions",status="2xx",end="answered"',
    ],
    ["a look at one model", { endpoint: "model" }, 'endpoint="models",status="2xx",end="answered"'],
    ["any other path", { endpoint: "/v1/completionsx", status: 404 }, 'endpoint="other",status="4xx",end="answered"'],
  ];
  for (const [what, part, labels] of requestCases) {
    it(`count ${what} by ${labels}`, async () => {
      const { metrics, ended } = open([]);
      ended(seen(part));
      ended(seen(part));
      const values = await exported(metrics);
      assert.equal(values.get(`requests_total{namespace="default",name="chat",${labels}}`), 2);
      assert.equal([...values.keys()].filter((series) => series.startsWith("requests_total")).length, 1);
    });
  }

  it("have a model's waits, first bytes, speed and tokens", async () => {
    const { metrics, ended } = open([]);
    const tokens = { prompt: 100, cached: 80, completion: 20, perSecond: 35 };
    ended(seen({ queueMs: 4000, firstByteMs: 30, tokens }));
    ended(seen({ queueMs: 0, firstByteMs: undefined, tokens: undefined, end: "refused", status: 429 }));
    const values = await exported(metrics);
    const bucket = (name: string, le: string) =>
      values.get(`${name}_bucket{le="${le}",namespace="default",name="chat"}`);
    assert.deepEqual([bucket("queue_wait_seconds", "2.5"), bucket("queue_wait_seconds", "5")], [1, 2]);
    assert.deepEqual([bucket("first_byte_seconds", "0.025"), bucket("first_byte_seconds", "0.05")], [0, 1]);
    assert.deepEqual([bucket("tokens_per_second", "30"), bucket("tokens_per_second", "40")], [0, 1]);
    assert.deepEqual(
      ["queue_wait_seconds_sum", "first_byte_seconds_count", "tokens_per_second_sum"].map((name) =>
        values.get(`${name}${CHAT}`),
      ),
      [4, 1, 35],
    );
    assert.deepEqual(
      ["prompt", "cached_prompt", "completion"].map((name) => values.get(`${name}_tokens_total${CHAT}`)),
      [100, 80, 20],
    );
  });

  it("have no wait of who only looks at a model", async () => {
    const { metrics, ended } = open([]);
    ended(seen({ endpoint: "model" }));
    assert.equal((await exported(metrics)).get(`queue_wait_seconds_count${CHAT}`), undefined);
  });

  it("put every model that is not wanted, and every key that is not known, under one label", async () => {
    const { metrics, ended } = open(["laptop"]);
    for (const name of ["a", "b", undefined]) ended(seen({ model: name, key: name, status: 404, end: "refused" }));
    ended(seen({ key: "laptop", tokens: { prompt: 7, cached: 0, completion: 3, perSecond: undefined } }));
    const values = await exported(metrics);
    const unknown =
      'requests_total{namespace="",name="(unknown)",endpoint="chat/completions",status="4xx",end="refused"}';
    assert.equal(values.get(unknown), 3);
    assert.deepEqual(
      [...values].filter(([series]) => series.startsWith("key_")),
      [
        ['key_requests_total{key="(none)"}', 3],
        ['key_requests_total{key="laptop"}', 1],
        ['key_prompt_tokens_total{key="(none)"}', 0],
        ['key_prompt_tokens_total{key="laptop"}', 7],
        ['key_completion_tokens_total{key="(none)"}', 0],
        ['key_completion_tokens_total{key="laptop"}', 3],
      ],
    );
    assert(![...values.keys()].some((series) => /"[ab]"/.test(series)));
  });

  it("lose every series of a model and of a key that are gone, and begin anew when they come back", async () => {
    const { metrics, known, ended } = open(["laptop"]);
    ended(seen({ key: "laptop", tokens: { prompt: 7, cached: 0, completion: 3, perSecond: 9 } }));
    const of = (values: ReadonlyMap<string, number>, label: string) =>
      [...values.keys()].filter((series) => series.includes(label)).length;
    const before = await exported(metrics);
    assert(of(before, 'name="chat"') > 40 && of(before, 'key="laptop"') === 3);
    known.clear();
    metrics.observe({ ...ON_DEMAND, workloads: ON_DEMAND.workloads.filter(({ name }) => name !== "default/chat") });
    ended(seen({ key: "laptop" }));
    const after = await exported(metrics);
    assert.deepEqual([of(after, 'name="chat"'), of(after, 'key="laptop"')], [0, 0]);
    metrics.observe(ON_DEMAND);
    ended(seen({}));
    assert.equal((await exported(metrics)).get(`queue_wait_seconds_count${CHAT}`), 1);
  });

  it("are the same in two registries, as those of the status page and of the kubelet API", async () => {
    const { gateway, metrics, ended } = open([]);
    const other = withStatus(gateway);
    ended(seen({}));
    assert.deepEqual([...(await exported(other))], [...(await exported(metrics))]);
  });

  function withStatus(gateway: GatewayMetrics) {
    const metrics = agentMetrics("1", gateway);
    metrics.observe(ON_DEMAND);
    return metrics;
  }
});
