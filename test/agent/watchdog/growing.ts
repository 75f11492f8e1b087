import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HeldProcess } from "../../../agent/watchdog/protocol.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const MIB = 2 ** 20;
/** What a process that grows may hold. Node itself takes some 45 MiB of it. */
export const BUDGET_BYTES = 200 * MIB;
const GROWTH_MIB = 100;
/** It grows no further, so that a failed test does no harm. */
const MOST_MIB = 1200;

export interface Growing {
  readonly child: ChildProcess;
  readonly held: HeldProcess;
  /** MiB that it had allocated when it was ended. */
  readonly allocated: () => Promise<number>;
}

/** A process that leads a group and grows by 100 MiB a second from `delayMs` on. It writes down what it has allocated. */
export async function growing(delayMs = 0): Promise<Growing> {
  const ledger = join(await temporaryDirectory(), "allocated");
  const program = `
    const held = [];
    const grow = () => {
      if (held.length * 5 < ${MOST_MIB}) held.push(Buffer.alloc(5 * 2 ** 20, 1));
      require("node:fs").writeFileSync(${JSON.stringify(ledger)}, String(held.length * 5));
    };
    grow();
    setTimeout(() => setInterval(grow, ${(5 * 1000) / GROWTH_MIB}), ${delayMs});`;
  const child = spawn(process.execPath, ["-e", program], { detached: true, stdio: "ignore" });
  await once(child, "spawn");
  if (child.pid === undefined) throw new Error("it was not spawned");
  const order = { priority: 2, protected: false, startedAt: 0, leaving: false };
  const budget = { bytes: BUDGET_BYTES, source: "crd-budget" } as const;
  const held = {
    key: "growing",
    id: "default/growing",
    name: "default/growing",
    pid: child.pid,
    budget,
    ...order,
    logPath: `${ledger}.log`,
  };
  return {
    child,
    held: { ...held, hardLimitBytes: BUDGET_BYTES + 32 * MIB },
    allocated: async () => Number(await readFile(ledger, "utf8")),
  };
}
