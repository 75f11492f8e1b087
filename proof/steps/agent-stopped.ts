import { watchdogPath } from "../../agent/state/layout.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import { readWatchdogFile } from "../../agent/status/watchdog-file.ts";
import { fieldsHere, optionsOf, prepared } from "../llama.ts";
import { endsWithin } from "../process-end.ts";
import { CONTEXT_SIZE, openSite } from "../site.ts";
import { standInThatGrows } from "../stand-in-growing.ts";
import type { Scene, Step } from "../step.ts";

/** Slow enough for the watchdog, which looks each second, to come before the kernel, whose limit is 32 MiB above the budget. */
const SLOW_MIB_PER_SECOND = 10;
/** For the kernel, which looks at every page. */
const FAST_MIB_PER_SECOND = 40;
const GONE_MS = 120_000;

export const agentStopped: Step = {
  name: "agent-stopped",
  asserts: "a server that outgrows its budget is ended while the agent's main part is stopped by SIGSTOP",
  needs: [],
  blocks: "always",
  run: async (scene) => {
    const { agent, pid, site } = await growing(scene, SLOW_MIB_PER_SECOND);
    agent.kill("SIGSTOP");
    const gone = await endsWithin(pid, GONE_MS, scene.signal);
    scene.keep("watchdog.json", `${JSON.stringify(await readWatchdogFile(watchdogPath(site.state)), null, 2)}\n`);
    agent.kill("SIGCONT");
    const { reason, message } = await site.reaches(({ state }) => state !== "Ready");
    return [
      { what: "the process is gone", held: gone, saw: `pid ${pid}` },
      { what: "the agent says why, once it goes on", held: reason === "BudgetExceeded", saw: `${reason}: ${message}` },
    ];
  },
};

export const kernelCap: Step = {
  name: "kernel-cap",
  asserts: "the kernel ends a server that outgrows its budget while agent and watchdog are both stopped by SIGSTOP",
  needs: [],
  // Not every macOS has such a limit, and a container may not.
  blocks: "never",
  run: async (scene) => {
    const { agent, pid, site } = await growing(scene, FAST_MIB_PER_SECOND);
    const status = await readStatus(site.state);
    const cap = status.ok ? status.value.agent.kernelCap : status.error;
    const enforced = { what: "the kernel enforces a limit", held: !cap.startsWith("none"), saw: cap };
    if (!enforced.held) return [enforced];
    const watchdog = (await readWatchdogFile(watchdogPath(site.state)))?.pid;
    if (watchdog === undefined) throw new Error("there is no watchdog");
    process.kill(watchdog, "SIGSTOP");
    scene.undoLater(() => process.kill(watchdog, "SIGCONT"));
    agent.kill("SIGSTOP");
    const gone = await endsWithin(pid, GONE_MS, scene.signal);
    return [enforced, { what: "the process is gone", held: gone, saw: `pid ${pid}` }];
  },
};

/** An agent whose server is Ready, below its budget, and grows. */
async function growing(scene: Scene, mibPerSecond: number) {
  const site = await openSite(scene, standInThatGrows(scene.folder, await scene.llamaServer(), mibPerSecond));
  await site.write({ budget: await leastBudget(scene) });
  const agent = site.start();
  const { pid } = await site.reaches(({ state }) => state === "Ready");
  if (pid === undefined) throw new Error("it is Ready and has no pid");
  return { agent, pid, site };
}

/**
 * The smallest budget with which every llama-server is started on this system: it is told nothing of the token table, and the stand-in has a
 * GPU on any Mac.
 */
async function leastBudget(scene: Scene): Promise<string> {
  const here = await fieldsHere(scene, CONTEXT_SIZE);
  const settings = { ...here.settings, backend: scene.machine.system === "darwin" ? "metal" : "cpu" } as const;
  const { estimate } = await prepared(scene, { ...here, settings, deviceName: undefined }, await optionsOf(scene));
  return `${Math.ceil(estimate.totalBytes / 2 ** 20)}Mi`;
}
