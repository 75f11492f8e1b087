// npm run bench:agent: how fast the agent reacts, what it costs, and how far a process exceeds its budget. Linux only.
import { formatBytes } from "../../api/quantity.ts";
import { agentCost } from "./footprint.ts";
import { latencies } from "./latency.ts";
import { overshoot } from "./overshoot.ts";

const { spawnedMs, readyMs, floorMs, decidedMs, goneMs } = await latencies();
console.log("| from | to | ms | relative to the floor |\n|---|---|---|---|");
console.log(row("llama-server spawned by hand", "healthy", floorMs, "1.0 (the floor)"));
console.log(row("manifest written", "process spawned", spawnedMs, ratio(spawnedMs, floorMs)));
console.log(row("manifest written", "Ready: healthy and one token answered", readyMs, ratio(readyMs, floorMs)));
console.log(row("budget lowered below what is used", "decision to stop", decidedMs, ratio(decidedMs, floorMs)));
console.log(row("budget lowered below what is used", "process gone", goneMs, ratio(goneMs, floorMs)));

console.log("\n| the agent itself, models | resident | CPU of one core |\n|---|---|---|");
const costs = [await agentCost(1), await agentCost(20)];
for (const { models, residentBytes, cpuPercent } of costs) {
  console.log(`| ${models} | ${formatBytes(residentBytes)} | ${cpuPercent.toFixed(1)} % |`);
}

console.log(
  "\n| growth of the process | limit behind the watchdog | above its budget of 512 MiB | for ms |\n|---|---|---|---|",
);
for (const growth of ["grows-50", "grows-1024"] as const) {
  for (const behind of ["nothing", "kernel"] as const) {
    const { cap, overBytes, overMs } = await overshoot(growth, behind);
    console.log(
      `| ${growth.replace("grows-", "")} MiB/s | ${cap} | ${formatBytes(overBytes)} | ${overMs.toFixed(0)} |`,
    );
  }
}

function row(from: string, to: string, milliseconds: number, beside: string): string {
  return `| ${from} | ${to} | ${milliseconds.toFixed(0)} | ${beside} |`;
}

function ratio(milliseconds: number, floor: number): string {
  return (milliseconds / floor).toFixed(1);
}
