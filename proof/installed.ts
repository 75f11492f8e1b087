import { setTimeout as sleep } from "node:timers/promises";
import { outputOf } from "../agent/host/command.ts";
import { packagePath } from "../agent/state/package.ts";
import { readStatus } from "../agent/status/status-file.ts";
import { LABEL } from "../cluster/launchd.ts";
import { LONG_MS, type Printed, printed } from "./printed.ts";
import type { Scene } from "./step.ts";

const CLI = "bin/pulumi-llmkube.js";
const POLL_MS = 250;

/** `agent install` or `uninstall`, as a person types it behind sudo. `node`: what runs it, which is what launchd will run. */
export async function agentCommand(
  scene: Scene,
  name: string,
  flags: readonly string[],
  command: readonly string[],
  node: string = process.execPath,
): Promise<Printed> {
  return printed(scene, name, [scene.mac.sudo, "-n", node, packagePath(CLI), "agent", ...flags, ...command], LONG_MS);
}

/** What `launchctl print` says about the installed agent; undefined where launchd does not know it. */
export async function printedJob({ mac }: Pick<Scene, "mac">): Promise<string | undefined> {
  const job = await outputOf(mac.launchctl, ["print", `system/${LABEL}`]);
  return job.ok ? job.value : undefined;
}

/** The pid of the agent that has written its status, once it is another one than `before`; undefined after `patienceMs`. */
export async function nextAgent(
  state: string,
  before: number | undefined,
  patienceMs: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(POLL_MS, undefined, { signal })) {
    const status = await readStatus(state);
    if (status.ok && status.value.agent.pid !== before) return status.value.agent.pid;
  }
  return undefined;
}
