// Reads one header many times and prints one line of JSON. It is a process of its own, so that it measures only its own
// time and memory.
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
// The first read, of another file, makes the engine compile the code.
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

/**
 * The peak of resident memory. On Linux `getrusage` starts with that of the parent process, so it is read from /proc.
 */
function peakBytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]) * 1024;
}
