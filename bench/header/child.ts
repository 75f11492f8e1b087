// Reads one header many times, in a process of its own so that time and memory are nobody else's; prints one line of JSON.
import { readFileSync } from "node:fs";
import { argv } from "node:process";
import { gguf } from "@huggingface/gguf";
import { readHeader } from "../../gguf/read.ts";

const READERS: Readonly<Record<string, (source: string) => Promise<number>>> = {
  ours: async (source) => {
    const header = await readHeader(source);
    if (!header.ok) throw new Error(header.error);
    return header.value.tensors.length;
  },
  huggingface: async (source) => {
    const { tensorInfos } = await gguf(source, { allowLocalFile: true });
    return tensorInfos.length;
  },
};

const [, , reader = "", source = "", warm = "", seconds = "", most = ""] = argv;
const read = READERS[reader];
if (read === undefined) throw new Error(`there is no reader ${reader}`);
// The first one, of another file, compiles what is needed.
await read(warm);
const cpu = process.cpuUsage();
const begin = performance.now();
let reads = 0;
let tensors = 0;
do {
  tensors = await read(source);
  reads += 1;
} while (reads < Number(most) && performance.now() - begin < Number(seconds) * 1000);
const wallMs = (performance.now() - begin) / reads;
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ reads, tensors, wallMs, cpuMs: (user + system) / 1000 / reads, peakBytes: peakBytes() }));

/** The most that was ever resident; what `getrusage` says of it on Linux begins with the parent's. */
function peakBytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}
