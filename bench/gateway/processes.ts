import { readdirSync, readFileSync } from "node:fs";
import { measuredBytes } from "../../test/agent/measured.ts";

/** Resident bytes of one process (VmRSS); 0 for one that has ended. */
export function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(contents(pid, "status"))?.[1] ?? 0) * 1024;
}

export function commandLine(pid: number): readonly string[] {
  return contents(pid, "cmdline").split("\0").slice(0, -1);
}

/** Pids of a process's children and theirs. */
export function descendants(pid: number): readonly number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = contents(Number(entry), "stat");
    parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const below = (one: number): readonly number[] =>
    [...parents].filter(([, parent]) => parent === one).flatMap(([child]) => [child, ...below(child)]);
  return below(pid);
}

/** Of a llama-server among them, by its name or that of a stand-in's program. */
export function isServer(pid: number): boolean {
  const [file = ""] = commandLine(pid);
  return file.endsWith("llama-server");
}

export interface Peak {
  readonly bytes: number;
  readonly samples: number;
  /** The most servers that held memory at once. */
  readonly servers: number;
  /** Servers that were seen and had not been there a sample before: loads. */
  readonly loads: number;
}

/** A process with less has not begun to load weights: it only asks what is there. */
const LOADED_BYTES = 64 * 2 ** 20;

/**
 * Samples the memory of all servers below `pid` until it is ended: `Pss_Anon + Pss_Shmem + SwapPss`, in which weights count where they are
 * read and not mapped.
 */
export function sampleServers(pid: number, everyMs: number): { readonly end: () => Peak } {
  let [bytes, samples, servers] = [0, 0, 0];
  const loaded = new Set<number>();
  const timer = setInterval(() => {
    const held = descendants(pid)
      .filter(isServer)
      .map((server) => ({ server, bytes: measuredBytes(server) }));
    const large = held.filter((one) => one.bytes >= LOADED_BYTES);
    for (const { server } of large) loaded.add(server);
    samples += 1;
    servers = Math.max(servers, large.length);
    bytes = Math.max(
      bytes,
      held.reduce((sum, one) => sum + one.bytes, 0),
    );
  }, everyMs);
  return {
    end: () => {
      clearInterval(timer);
      return { bytes, samples, servers, loads: loaded.size };
    },
  };
}

function contents(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
