import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { agentMetrics } from "../../../agent/http/metrics.ts";
import { BUSY } from "./recorded.ts";

const PATH = join(import.meta.dirname, "../../../docs/grafana-dashboard.json");

const dashboardSchema = z.object({
  templating: z.object({ list: z.array(z.object({ name: z.string(), query: z.string() })) }),
  panels: z.array(z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).min(1) })).min(1),
});

/** A metric with its selector, if it has one. */
const SELECTOR = /(llmkube_[a-z_]+)(?:\{([^}]*)\})?/g;
/** What Prometheus itself adds to each series. */
const OF_THE_SCRAPE = ["instance", "job"];

describe("the Grafana dashboard", () => {
  it("queries metrics that /metrics exports, by labels that they have, and leaves none out", async () => {
    const { panels, templating } = dashboardSchema.parse(JSON.parse(await readFile(PATH, "utf8")));
    const metrics = agentMetrics("1");
    metrics.observe(BUSY);
    metrics.ticked(0.1);
    const exposition = await metrics.registry.metrics();
    const labels = new Map<string, readonly string[]>();
    for (const [, name = "", own = ""] of exposition.matchAll(/^(llmkube_[a-z_]+)(?:\{(.*)\})? \S+$/gm)) {
      labels.set(name, [...own.matchAll(/(\w+)="/g)].map(([, label = ""]) => label).concat(OF_THE_SCRAPE));
    }
    const queries = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
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

  it("uses no variable that it does not define", async () => {
    const text = await readFile(PATH, "utf8");
    const { templating } = dashboardSchema.parse(JSON.parse(text));
    const defined = new Set([...templating.list.map(({ name }) => name), "__rate_interval", "__all"]);
    for (const [, name = ""] of text.matchAll(/\$\{?([a-z_]+)/g)) assert(defined.has(name), `$${name} is not defined`);
  });
});
