// npm run bench:fleet [-- controller|scheduler|agents]: what a fleet costs, and how it grows. Linux only; minutes each.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bytesOf, rangeOf, type ServedFile, startServer } from "../../test/gguf/range-server.ts";
import { type AgentFigures, agentFigures } from "./agents.ts";
import { convergence, type Stage } from "./controller.ts";
import { scheduling } from "./scheduling.ts";

const HEADER = join(import.meta.dirname, "..", "..", "test", "fixtures", "gemma3-270m.gguf.header");
const MODEL_BYTES = 246_602_592;
/** Macs and services, by powers of ten. */
const SIZES = [
  { macs: 10, services: 100 },
  { macs: 100, services: 1000 },
  { macs: 1000, services: 10_000 },
] as const;

const parts = process.argv.slice(2);
const wants = (part: string) => parts.length === 0 || parts.includes(part);
const largest = Number(process.env["FLEET_SERVICES"] ?? "10000");

if (wants("controller")) await printConvergence();
if (wants("scheduler")) await printScheduling();
if (wants("agents")) await printAgents();

async function printConvergence(): Promise<void> {
  const file: ServedFile = { head: await readFile(HEADER), fileBytes: MODEL_BYTES };
  const server = await startServer((request, response) => {
    const { begin, end } = rangeOf(request, file);
    const headers = { "content-range": `bytes ${begin}-${end - 1}/${MODEL_BYTES}`, etag: '"bench"' };
    response.writeHead(206, { ...headers, "content-length": end - begin });
    response.end(request.method === "HEAD" ? undefined : bytesOf(file, begin, end));
  });
  console.log(
    "| Macs | services | controller | s | reads | writes | resident, peak MiB | CPU s |\n|---|---|---|---|---|---|---|---|",
  );
  for (const { macs, services } of SIZES.filter((size) => size.services <= largest)) {
    const source = `${server.origin}/gemma3-270m.gguf`;
    const { cold, restart, changeMs } = await convergence(macs, services, source);
    console.log(stageRow(macs, services, "cold", cold));
    console.log(stageRow(macs, services, "restart, settled", restart));
    console.log(`| ${macs} | ${services} | one changed | ${(changeMs / 1000).toFixed(2)} | | | | |`);
  }
  await server.stop();
}

function stageRow(macs: number, services: number, name: string, { seconds, reads, writes, cost }: Stage): string {
  const memory = `${cost.residentMiB.toFixed(0)}, ${cost.peakMiB.toFixed(0)}`;
  return `| ${macs} | ${services} | ${name} | ${seconds.toFixed(1)} | ${reads} | ${writes} | ${memory} | ${cost.cpuSeconds.toFixed(1)} |`;
}

async function printScheduling(): Promise<void> {
  console.log("\n| Macs | pods | of our shape, pods a second | plain, pods a second | ratio |\n|---|---|---|---|---|");
  for (const { macs } of SIZES) {
    const { pods, ours, plain } = await scheduling(macs, Math.min(macs * 4, 1000));
    const ratio = (ours.podsASecond / plain.podsASecond).toFixed(2);
    const [one, other] = [ours, plain].map(({ bound, podsASecond }) => `${podsASecond.toFixed(0)} (${bound} bound)`);
    console.log(`| ${macs} | ${pods} | ${one} | ${other} | ${ratio} |`);
  }
}

async function printAgents(): Promise<void> {
  const { idle, latency }: AgentFigures = await agentFigures();
  console.log("\n| from kubectl apply until | p50 ms | p99 ms | p50 beside the floor |\n|---|---|---|---|");
  const floor = quantile(latency.floorBoundMs, 0.5);
  const rows = [
    ["a plain Deployment's pod is bound (the floor)", latency.floorBoundMs],
    ["the pod is bound", latency.boundMs],
    ["the process is spawned", latency.spawnedMs],
    ["the endpoint is ready", latency.endpointMs],
  ] as const;
  for (const [name, times] of rows) {
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
    console.log(`| ${name} | ${p50.toFixed(0)} | ${p99.toFixed(0)} | ${(p50 / floor).toFixed(2)} |`);
  }
  console.log(
    "\n| pods | API requests a minute: agent, controller | process | resident MiB | CPU of one core |\n|---|---|---|---|---|",
  );
  for (const { pods, agent, controller, main, watchdog, byKind } of idle) {
    const requests = `${agent.toFixed(1)}, ${controller.toFixed(1)}`;
    for (const [name, cost] of Object.entries({ main, watchdog })) {
      if (cost === undefined) continue;
      const resident = (cost.residentBytes / 2 ** 20).toFixed(0);
      console.log(`| ${pods} | ${requests} | ${name} | ${resident} | ${cost.cpuPercent.toFixed(2)} % |`);
    }
    console.log(`<!-- ${JSON.stringify(byKind)} -->`);
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
