import type { Mac } from "./mac.ts";

type Rule = readonly [pattern: string, text: string];

const HEAD = "^(.*common_memory_breakdown_print: )\\| memory breakdown \\[MiB\\].*$";
const HOST =
  "^(.*common_memory_breakdown_print: )\\|   - Host +\\| +([0-9]+) = +([0-9]+) \\+ +([0-9]+) \\+ +([0-9]+) +\\|$";

/** What the host holds of a computation, in MiB. */
const HOST_COMPUTE_MIB = 3;

/**
 * How lines of a llama-server for the CPU become those of one on Metal: extended regular expressions and what takes the line's place
 * (native/play-metal.c). Metal's device gets all of the model; the host keeps the second copy of tied embeddings. A buffer that BLAS and
 * the CPU share is counted twice in the dry run (docs/background/llama-memory.md).
 */
export function METAL_RULES(mac: Mac, copyMib: number): readonly Rule[] {
  return [
    ["^warning: .*(GPU|gpu-layers)", ""],
    ["^warning: consult docs/build.md", ""],
    ["^(.*device_info:)$", "\\1"],
    ...breakdown(mac, copyMib),
    ["^(.*)CPU model buffer size( =.*)$", "{1:0}MTL0 model buffer size{2:0}"],
    ["^(.*)CPU KV buffer size( =.*)$", "{1:0}MTL0 KV buffer size{2:0}"],
  ];
}

function breakdown({ chip, server }: Mac, copyMib: number): readonly Rule[] {
  if (server.breakdown === "none") return [["common_memory_breakdown_print", ""]];
  if (server.breakdown === "another shape") {
    return [
      [HEAD, "{1:0}memory (MiB): device, self, of which model"],
      [HOST, "{1:0}MTL0: {2:0}, {3:0}"],
    ];
  }
  const device = `  - ${server.device ?? "MTL0"} (${chip.name})`;
  const width = Math.max(device.length, "memory breakdown [MiB]".length);
  const title = `| ${"memory breakdown [MiB]".padEnd(width)} | total    free     self   model   context   compute    unaccounted |`;
  const free = String(chip.workingSetMib).padStart(6);
  const compute = 2 * HOST_COMPUTE_MIB;
  const ofDevice = `| ${device.padEnd(width)} | ${free} = ${free} + ({2:5} = {3:5} + {4:7} + {5:7}) + ${"0".padStart(11)} |`;
  const ofHost = `| ${"  - Host".padEnd(width)} | ${" ".repeat(17)} ${String(copyMib + compute).padStart(5)} = ${String(copyMib).padStart(5)} + ${"0".padStart(7)} + ${String(compute).padStart(7)}  ${" ".repeat(13)}|`;
  const buffer = (backend: string) =>
    `{1:0}sched_reserve: ${backend.padStart(10)} compute buffer size = ${HOST_COMPUTE_MIB.toFixed(2).padStart(8)} MiB`;
  const table = `{1:0}${ofDevice}\\n{1:0}${ofHost}`;
  return [
    [HEAD, `${buffer("BLAS")}\\n${buffer("CPU")}\\n{1:0}${title}`],
    [HOST, server.breakdown === "twice" ? `${table}\\n{1:0}${title}\\n${table}` : table],
  ];
}
