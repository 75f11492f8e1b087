import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { gatewayMetrics } from "../../../agent/http/gateway-metrics.ts";
import { agentMetrics } from "../../../agent/http/metrics.ts";
import { nothingCounted } from "../../../agent/supervisor/slot-counts.ts";
import { BUSY, seen } from "./recorded.ts";

const PATH = join(import.meta.dirname, "../../../docs/grafana-dashboard.json");

/** A heading, which queries nothing. */
const position = z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() });
const ROW = z.object({
  ...{ id: z.int(), type: z.literal("row"), title: z.string(), gridPos: position },
  ...{ panels: z.array(z.never()), targets: z.undefined().optional() },
});
const PANELS = (["gauge", "stat", "timeseries", "state-timeline", "table"] as const).map((type) =>
  z.object({
    ...{ id: z.int(), type: z.literal(type), title: z.string(), gridPos: position },
    targets: z.array(z.object({ expr: z.string() })).min(1),
  }),
);

/** Every metric has a series. */
function everything() {
  const gateway = gatewayMetrics(() => new Set(["laptop"]));
  const metrics = agentMetrics("1", gateway);
  const unload = { name: "default/chat", reason: "MadeRoom", message: "", madeRoomFor: "default/loading" } as const;
  metrics.observe({
    agent: { ...BUSY.agent, unloads: [{ at: "2026-11-27T10:00:00.000Z", ...unload }] },
    workloads: BUSY.workloads.map((workload) => ({
      ...{ ...workload, wakes: 1, demand: { waiting: 1, inFlight: 1 } },
      savedSlots: nothingCounted(),
    })),
  });
  gateway.observer.ended(seen({ key: "laptop", tokens: { prompt: 2, cached: 1, completion: 1, perSecond: 1 } }));
  metrics.ticked(0.1);
  return metrics;
}

const dashboardSchema = z.object({
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.string() })) }),
  panels: z.array(z.discriminatedUnion("type", [ROW, ...PANELS])).min(1),
});

/** A metric with its selector, if it has one. */
const SELECTOR = /(llmkube_[a-z_]+)(?:\{([^}]*)\})?/g;
/** What Prometheus itself adds to each series. */
const OF_THE_SCRAPE = ["instance", "job"];

describe("the Grafana dashboard", () => {
  it("queries metrics that /metrics exports, by labels that they have, and leaves none out", async () => {
    const { panels, templating } = dashboardSchema.parse(JSON.parse(await readFile(PATH, "utf8")));
    const exposition = await everything().registry.metrics();
    const labels = new Map<string, readonly string[]>();
    for (const [, name = "", own = ""] of exposition.matchAll(/^(llmkube_[a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
      labels.set(name, [...own.matchAll(/(\w+)="/g)].map(([, label = ""]) => label).concat(OF_THE_SCRAPE));
    }
    const queries = panels.flatMap(({ targets }) => (targets ?? []).map(({ expr }) => expr));
    const queried = new Set<string>();
    for (const query of [...queries, ...templating.list.map((variable) => variable.query)]) {
      for (const [, name = "", selector = ""] of query.matchAll(SELECTOR)) {
        queried.add(name);
        const known = labels.get(name);
        assert(known, `${name} is not exported`);
        for (const [, label = ""] of selector.matchAll(/(\w+)=/g))
          assert(known.includes(label), `${name} has no ${label}`);
      }
    }
    for (const [, name = ""] of exposition.matchAll(/^# TYPE (\S+)/gm)) {
      assert(queried.has(name) || queried.has(`${name}_bucket`), `${name} is on no panel`);
    }
  });

  it("has each panel once, and none over another", async () => {
    const { panels } = dashboardSchema.parse(JSON.parse(await readFile(PATH, "utf8")));
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    assert.equal(new Set(cells).size, cells.length);
    assert(panels.every(({ gridPos: { x, w } }) => x + w <= 24));
  });

  it("uses no variable that it does not define", async () => {
    const text = await readFile(PATH, "utf8");
    const { templating } = dashboardSchema.parse(JSON.parse(text));
    const defined = new Set([...templating.list.map(({ name }) => name), "__rate_interval", "__all"]);
    for (const [, name = ""] of text.matchAll(/\$\{?([a-z_]+)/g)) assert(defined.has(name), `$${name} is not defined`);
  });
});
