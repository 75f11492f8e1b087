import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { SeenGroup } from "./observer-rules.ts";
import type { Report, Told } from "./observer-thread.ts";

/**
 * Watches the servers of some agents from outside: each half second it reads the memory of their process groups from /proc, in a thread
 * of its own, and holds it to the budgets that the test tells it. It asks the agent nothing.
 *
 * What it holds: no server is over its budget, and all together are not over the machine's share, for three samples in a row; no
 * workload has two servers.
 */
export interface Observer {
  /** From now on the servers of this state folder are watched, too. */
  readonly watch: (stateDirectory: string) => void;
  /** A manifest that names this budget was written. For some seconds the one before it is accepted, too. */
  readonly budget: (workload: string, bytes: number) => void;
  /** The agent was started with this share. */
  readonly share: (bytes: number) => void;
  /** The agent cannot hear of changes to budgets from now on, or can again. */
  readonly deaf: (deaf: boolean) => void;
  /** Stands in the timeline of a violation. */
  readonly note: (text: string) => void;
  /** What the last reading saw. */
  readonly groups: () => readonly SeenGroup[];
  /** Waits until a reading shows what is asked for. Returns false if `timeoutMs` pass before. */
  readonly sees: (holds: (groups: readonly SeenGroup[]) => boolean, timeoutMs: number) => Promise<boolean>;
  /** Fails with what was violated so far, and the timeline that led there. */
  readonly assertNoViolationYet: () => void;
  /** The same at the end: it fails, too, if no server was ever seen, because then nothing was watched. */
  readonly assertNoViolation: () => void;
  readonly violations: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** @param shareBytes what all models together may use; the budget of a workload that has none. */
export async function openObserver(shareBytes: number, ...stateDirectories: readonly string[]): Promise<Observer> {
  const worker = new Worker(new URL("./observer-thread.ts", import.meta.url), { workerData: { shareBytes } });
  await once(worker, "online");
  let groups: readonly SeenGroup[] = [];
  let [readings, withServers] = [0, 0];
  const violations: string[] = [];
  worker.on("message", (report: Report) => {
    if (report.kind === "reading") {
      groups = report.groups;
      readings += 1;
      if (groups.length > 0) withServers += 1;
    } else violations.push(`${report.text}\n${report.timeline.map((line) => `    ${line}`).join("\n")}`);
  });
  worker.on("error", (error) => violations.push(`the observer failed: ${error}`));
  const tell = (told: Told) => worker.postMessage(told);
  const assertNoViolationYet = () => {
    if (violations.length > 0) assert.fail(violations.join("\n"));
  };
  const watch = (stateDirectory: string) => tell({ kind: "site", stateDirectory });
  for (const folder of stateDirectories) watch(folder);
  return {
    watch,
    budget: (workload, bytes) => tell({ kind: "budget", workload, bytes }),
    share: (bytes) => tell({ kind: "share", bytes }),
    deaf: (deaf) => tell({ kind: "deaf", deaf }),
    note: (text) => tell({ kind: "note", text }),
    groups: () => groups,
    sees: async (holds, timeoutMs) => {
      const [deadline, first] = [performance.now() + timeoutMs, readings];
      while (performance.now() < deadline) {
        if (readings > first && holds(groups)) return true;
        await sleep(50);
      }
      return false;
    },
    assertNoViolationYet,
    assertNoViolation: () => {
      assertNoViolationYet();
      assert.ok(withServers > 0, `none of ${readings} readings saw a server: nothing was watched`);
    },
    violations: () => violations,
    close: async () => {
      await worker.terminate();
    },
  };
}
