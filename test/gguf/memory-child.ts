/**
 * Run as a process of its own: reads the header of a small file, then that of a hostile source, and prints what the second
 * read did to this process' memory.
 */
import { readFileSync } from "node:fs";
import { readHeader } from "../../gguf/read.ts";

/** What the process prints, as JSON. */
export interface MemoryReport {
  /** The highest resident set size of the whole life of the process, above that after the first read; bytes. */
  readonly grown: number;
  /** The refusal; none where a header was read. */
  readonly error?: string;
}

const [warmUp = "", hostile = ""] = process.argv.slice(2);
const first = await readHeader(warmUp);
if (!first.ok) throw new Error(first.error);
const baseline = process.memoryUsage.rss();
const read = await readHeader(hostile, { timeoutMs: 60_000 });
const grown = peakBytes() - baseline;
const report: MemoryReport = read.ok ? { grown } : { grown, error: read.error };
console.log(JSON.stringify(report));

/** Linux hands the parent's peak down to a child in `maxRSS`, but not in VmHWM. */
function peakBytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
  return Number(kibibytes) * 1024;
}
