import type { Mac } from "./mac.ts";

/** An extended regular expression, and what takes the place of a line that it matches (native/play-metal.c). */
type Rule = readonly [pattern: string, text: string];

const BREAKDOWN = "common_memory_breakdown_print";
const HEAD = `^(.*${BREAKDOWN}: )\\| memory breakdown \\[MiB\\].*$`;
const NUMBER = " +([0-9]+) ";
const HOST = `^(.*${BREAKDOWN}: )\\|   - Host +\\|${NUMBER}=${NUMBER}\\+${NUMBER}\\+${NUMBER} *\\|$`;

/** What the host holds of a computation, in MiB. */
const HOST_COMPUTE_MIB = 3;

/**
 * How lines of a llama-server for the CPU become those of one on Metal: the device gets all of the model, the host keeps the second copy
 * of tied embeddings. A buffer that BLAS and the CPU share is printed twice under one name, and counted twice in the dry run
 * (docs/background/llama-memory.md).
 */
export function metalRules(mac: Mac, copyMib: number): readonly Rule[] {
  const device = mac.server.device ?? "MTL0";
  const host = `\\n{1:0}       CPU compute buffer size = ${HOST_COMPUTE_MIB.toFixed(2).padStart(8)} MiB`;
  const copy = copyMib > 0 ? `\\n{1:0} CPU model buffer size = ${copyMib.toFixed(2).padStart(8)} MiB` : "";
  return [
    ["^warning: .*(GPU|gpu-layers)", ""],
    ["^warning: consult ", ""],
    ...breakdownRules(mac, device, copyMib),
    [
      "^(.*sched_reserve: ) *CPU compute buffer size = +([0-9.]+) MiB$",
      `{1:0}${device.padStart(10)} compute buffer size = {2:8} MiB${host}${host}`,
    ],
    // In a dry run nothing has a size.
    ["^(.*) CPU model buffer size( = +0\\.00 MiB)$", `{1:0}${device} model buffer size{2:0}`],
    ["^(.*) CPU model buffer size( =.*)$", `{1:0}${device} model buffer size{2:0}${copy}`],
    ["^(.*) CPU KV buffer size( =.*)$", `{1:0}${device} KV buffer size{2:0}`],
  ];
}

function breakdownRules({ chip, server }: Mac, device: string, copyMib: number): readonly Rule[] {
  if (server.breakdown === "none") return [[BREAKDOWN, ""]];
  if (server.breakdown === "another shape") {
    return [
      [HEAD, "{1:0}memory breakdown (MiB): device, self, of which model"],
      [HOST, "{1:0}{2:0}, {3:0}"],
    ];
  }
  const { title, rows } = table(`${device} (${chip.name})`, chip.workingSetMib, copyMib);
  return [
    [HEAD, title],
    [HOST, server.breakdown === "twice" ? `${rows}\\n${title}\\n${rows}` : rows],
  ];
}

/** As llama.cpp lays it out: every column is as wide as its widest cell. The free memory of the device is all of it. */
function table(device: string, freeMib: number, copyMib: number) {
  const first = `  - ${device}`;
  const width = Math.max(first.length, "memory breakdown [MiB]".length);
  const free = String(freeMib).padStart(6);
  const compute = 2 * HOST_COMPUTE_MIB;
  const cells = (...figures: readonly number[]) =>
    figures.map((figure, index) => String(figure).padStart(index < 2 ? 5 : 7)).join(" + ");
  const host = `${String(copyMib + compute).padStart(5)} = ${cells(copyMib, 0, compute)}`;
  const before = "{1:0}| ";
  return {
    title: `${before}${"memory breakdown [MiB]".padEnd(width)} |  total     free     self   model   context   compute    unaccounted |`,
    rows: [
      `${before}${first.padEnd(width)} | ${free} = ${free} + ({2:5} = {3:5} + {4:7} + {5:7}) +        -{2:0} |`,
      `${before}${"  - Host".padEnd(width)} | ${" ".repeat(17)}${host}  ${" ".repeat(13)}|`,
    ].join("\\n"),
  };
}
