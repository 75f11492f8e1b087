import { formatBytes } from "../../api/quantity.ts";
import { markdown } from "../preview/table.ts";
import type { Beside, DelayFigures } from "./delay.ts";
import type { ResidentFigures } from "./resident.ts";
import type { ThroughputFigures } from "./throughput.ts";
import type { SideFigures, TraceFigures } from "./trace.ts";
import type { WakingFigures } from "./waking.ts";

export function printDelays(figures: readonly DelayFigures[]): void {
  const head = ["server", "until", "bare p50, ms", "p99", "proxy adds p50, ms", "p99", "gateway adds p50, ms", "p99"];
  const rows = figures.flatMap(({ server, first, token }) => [
    delayRow(server, "the first token", first),
    delayRow(server, server === "paced" ? "a token has arrived" : "the next token", token),
  ]);
  console.log(
    `${markdown(head, rows)}\n\nThe proxy is the floor: the smallest of the same libraries, which knows one server. Aim: under 1 ms added, p50.\n`,
  );
}

function delayRow(server: string, until: string, { bare, proxy, gateway }: Beside): string[] {
  const added = [proxy, gateway].flatMap(({ p50, p99 }) => [p50 - bare.p50, p99 - bare.p99]);
  return [server, until, ...[bare.p50, bare.p99, ...added].map((ms) => ms.toFixed(2))];
}

export function printThroughput(figures: readonly ThroughputFigures[]): void {
  const rows = figures.map(({ server, streams, bare, gateway, ratio }) => [
    ...[server, String(streams), bare.toFixed(1), gateway.toFixed(1), ratio.toFixed(3)],
  ]);
  console.log(markdown(["server", "streams", "bare, tokens/s", "gateway, tokens/s", "/ bare"], rows));
  console.log("\nAim: 0.97 or more.\n");
}

export function printResidents(figures: readonly ResidentFigures[]): void {
  const head = ["what", "open", "agent before", "during", "after they are gone", "each"];
  const rows = figures.map(({ what, count, open, before, during, after }) => [
    ...[`${count} ${what}`, String(open), formatBytes(before), grown(before, during), grown(before, after)],
    `${((during - before) / count / 1024).toFixed(1)} KiB`,
  ]);
  console.log(`${markdown(head, rows)}\n`);
}

function grown(before: number, now: number): string {
  return `${now < before ? "-" : "+"}${(Math.abs(now - before) / 2 ** 20).toFixed(1)} MiB`;
}

export function printWaking({ rounds, wakeMs, byHandMs }: WakingFigures): void {
  const head = ["from", "to the first token, ms", "/ by hand"];
  const rows = [
    ["llama-server spawned by hand", byHandMs.toFixed(0), "1.00"],
    ["a request for a sleeping model", wakeMs.toFixed(0), (wakeMs / byHandMs).toFixed(2)],
  ];
  console.log(`${markdown(head, rows)}\n\nMedian of ${rounds}. Aim: 1.3 or less.\n`);
}

export function printTrace({ sides, limitBytes, modelBytes }: TraceFigures): void {
  const head = ["", "requests", "lost", "wait p50, ms", "p95, ms", "peak of all servers", "/ limit", "most at once"];
  const rows = sides.map((side) => sideRow(side, limitBytes));
  console.log(markdown([...head, "loads", "took, s"], rows));
  console.log(
    `\nSix models of ${formatBytes(modelBytes)} each; limit ${formatBytes(limitBytes)}, which the router does not know: it has --models-max 3.`,
  );
  for (const { who, outcomes, counted, peak } of sides) {
    const own = counted === undefined ? "" : `; the agent counts ${JSON.stringify(counted)}`;
    console.log(`${who}: ${JSON.stringify(outcomes)}, ${peak.samples} samples of memory${own}.`);
  }
}

function sideRow({ who, requests, lost, wait, peak, overSeconds }: SideFigures, limitBytes: number): string[] {
  const memory = [formatBytes(peak.bytes), (peak.bytes / limitBytes).toFixed(2), String(peak.servers)];
  const waits = [wait.p50.toFixed(0), wait.p95.toFixed(0)];
  return [who, String(requests), String(lost), ...waits, ...memory, String(peak.loads), overSeconds.toFixed(0)];
}
