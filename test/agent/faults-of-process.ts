import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { HEARTBEAT_MS } from "../../agent/status/status-file.ts";
import { statusNow } from "../../cli/status-liveness.ts";
import type { Fault } from "./faults-scene.ts";
import { type AgentProcess, statusOnce } from "./harness.ts";
import { makeFifo, releaseFifo } from "./named-pipe.ts";

/** Longer than whatever the agent waits for with a deadline. */
const BLOCKED_MS = 20_000;
const BEGINS_MS = 20_000;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + BEGINS_MS; !holds(); await sleep(20)) assert.ok(Date.now() < deadline, what);
}

const begun = (path: string) =>
  until(`${path}.begun did not appear: the agent takes no faults`, () => existsSync(`${path}.begun`));

function pidOf(agent: AgentProcess): number {
  assert(agent.child.pid !== undefined);
  return agent.child.pid;
}

export const blocked: Fault = {
  name: "its main thread is blocked",
  deaf: true,
  movesFolder: false,
  tellsAfterMs: BLOCKED_MS,
  begin: async ({ site, faults: { folder } }) => {
    const file = join(folder, "block");
    await writeFile(file, "");
    await begun(file);
    const began = Date.now();
    return {
      assertOn: async () => {
        const status = await statusOnce(site, () => true);
        const { liveness, trouble = "" } = await statusNow(site.state, status);
        assert(liveness.is === "stuck", `its main part is ${liveness.is}`);
        const lasted = Date.now() - began;
        assert.ok(liveness.forMs > lasted - HEARTBEAT_MS, `stuck for ${liveness.forMs} of ${lasted} ms`);
        assert.match(trouble, /stuck for \d+ s/);
      },
      end: () => rm(file, { force: true }),
    };
  },
};

export const stoppedMain: Fault = {
  name: "its main process is stopped",
  deaf: true,
  movesFolder: false,
  begin: async ({ agent }) => {
    const stopping = agent();
    stopping.child.kill("SIGSTOP");
    const isStopped = () => /^State:\s+T/m.test(readFileSync(`/proc/${pidOf(stopping)}/status`, "utf8"));
    return {
      assertOn: () => until("it is not stopped", isStopped),
      end: async () => {
        stopping.child.kill("SIGCONT");
      },
    };
  },
};

export const hungDisk: Fault = {
  name: "all of its reads hang",
  deaf: true,
  movesFolder: false,
  begin: async ({ faults: { folder }, agent }) => {
    const path = join(folder, "hang");
    await makeFifo(path);
    await begun(path);
    return {
      assertOn: async () => {
        const threads = Number(readFileSync(`${path}.begun`, "utf8"));
        assert.ok(threads >= 4);
        const waiting = () => threadsIn(pidOf(agent()), "wait_for_partner");
        await until(`fewer than ${threads} of its threads hang`, () => waiting() >= threads);
      },
      end: () => releaseFifo(path),
    };
  },
};

/** How many threads of a process wait in this function of the kernel. */
function threadsIn(pid: number, kernelFunction: string): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).filter((id) => readFileSync(join(tasks, id, "wchan"), "utf8") === kernelFunction).length;
}

export const unreadOutput: Fault = {
  name: "nobody reads its output",
  deaf: true,
  movesFolder: false,
  begin: async ({ site, output }) => {
    output.pause();
    // Something to be said.
    const broken = join(site.manifests, "broken.yaml");
    await writeFile(broken, "a: [");
    await sleep(1500);
    return {
      assertOn: async () => {
        assert.ok(output.isFull(), "its output takes what it says");
        await statusOnce(site, ({ agent: { problems } }) => problems.some((it) => it.includes("broken.yaml")));
      },
      end: async () => {
        await rm(broken, { force: true });
        output.resume();
      },
    };
  },
};
