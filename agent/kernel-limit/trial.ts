import { spawn } from "node:child_process";
import { once } from "node:events";
import type { KernelLimit } from "./kernel-limit.ts";

/** What became of a process that exceeded its limit. `no-answer`: neither of both, so that nothing is known. */
export type Trial = "enforced" | "ignored" | "no-answer";

const NAME = "self-test";
const LIMIT_BYTES = 128 * 2 ** 20;
const TIMEOUT_MS = 30_000;
/** Allocates and writes 1 GiB in pieces of 16 MiB, and exits with 0 if the kernel does not kill it before. */
const PROGRAM = "const held=[];for(let i=0;i<64;i++)held.push(Buffer.alloc(2**24,1));process.exit(0)";

/**
 * Self-test: starts a small process that exceeds a limit, and returns whether the kernel kills it. Some systems are reported to take the
 * limit and not to enforce it (docs/background/apple-memory.md, "Kernel limit").
 */
export async function tryLimit(limit: KernelLimit): Promise<Trial> {
  const { file, args } = limit.wrap({ file: process.execPath, args: ["-e", PROGRAM] }, LIMIT_BYTES);
  try {
    const child = spawn(file, args, { stdio: "ignore", timeout: TIMEOUT_MS, killSignal: "SIGTERM" });
    const exited = once(child, "exit");
    if (child.pid !== undefined) limit.enclose(NAME, child.pid, LIMIT_BYTES);
    await exited;
    if (child.signalCode === "SIGKILL") return "enforced";
    return child.exitCode === 0 ? "ignored" : "no-answer";
  } catch {
    return "no-answer";
  } finally {
    limit.release(NAME);
  }
}
