// npm run bench:agent: how fast the agent reacts, what it costs, and how far a process exceeds its budget. Linux only.
import { formatBytes } from "../../api/quantity.ts";
import { agentCost, manyReadyMs } from "./footprint.ts";
import { latencies } from "./latency.ts";
import { overshoot } from "./overshoot.ts";
import type { ProcessCost } from "./process-cost.ts";

const MANY = 30;

const { spawnedMs, readyMs, unchangedMs, floorMs, decidedMs, goneMs } = await latencies();
console.log("| from | to | ms | relative to the floor |\n|---|---|---|---|");
console.log(row("llama-server spawned by hand", "healthy", floorMs, "1.0 (the floor)"));
console.log(row("manifest written", "process spawned", spawnedMs, ratio(spawnedMs, floorMs)));
console.log(row("manifest written", "Ready: healthy and one token answered", readyMs, ratio(readyMs, floorMs)));
console.log(row("manifest of an unchanged model written again", "Ready", unchangedMs, ratio(unchangedMs, floorMs)));
console.log(row("budget lowered below what is used", "decision to stop", decidedMs, ratio(decidedMs, floorMs)));
console.log(row("budget lowered below what is used", "process gone", goneMs, ratio(goneMs, floorMs)));

console.log(
  "\n| models | process | resident (RSS, PSS) | CPU of one core | system calls a second | written a minute |\n|---|---|---|---|---|---|",
);
for (const models of [0, 1, 20]) {
  const { main, watchdog } = await agentCost(models);
  console.log(costRow(models, "main", main));
  if (watchdog !== undefined) console.log(costRow(models, "watchdog", watchdog));
}

const thirty = await manyReadyMs(MANY);
console.log(`\n${MANY} stand-in models, manifests written to all Ready: ${(thirty / 1000).toFixed(1)} s`);

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

function costRow(models: number, name: string, cost: ProcessCost): string {
  const [resident, proportional, written] = [cost.residentBytes, cost.proportionalBytes, cost.writtenBytes].map(
    formatBytes,
  );
  const calls = cost.systemCalls?.toFixed(0) ?? "?";
  return `| ${models} | ${name} | ${resident}, ${proportional} | ${cost.cpuPercent.toFixed(2)} % | ${calls} | ${written} |`;
}

function row(from: string, to: string, milliseconds: number, beside: string): string {
  return `| ${from} | ${to} | ${milliseconds.toFixed(0)} | ${beside} |`;
}

function ratio(milliseconds: number, floor: number): string {
  return (milliseconds / floor).toFixed(2);
}
