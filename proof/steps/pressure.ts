import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { outputOf } from "../../agent/host/command.ts";
import { openPlatform } from "../../agent/host/open.ts";
import type { PressureLevel } from "../../agent/host/platform.ts";
import type { Finding, Scene, Step } from "../step.ts";

const PATIENCE_MS = 20_000;
/** The low half is the level, the high half asks for one round of notifications (xnu, kern.memorypressure_manual_trigger). */
const BACK_TO_NORMAL = "kern.memorypressure_manual_trigger=65537";

export const pressure: Step = {
  name: "pressure",
  asserts: "the agent sees the memory pressure that memory_pressure -S simulates, and its end",
  needs: ["darwin", "root", "changes"],
  blocks: "off-hosted",
  run: async (scene) => {
    const platform = await openPlatform();
    if (!platform.ok) return [{ what: "the agent knows this machine", held: false, saw: platform.error }];
    scene.undoLater(() => backToNormal(scene));
    const look = () => platform.value.pressure();
    return [
      await simulated(scene, "warn", "warning", look),
      await simulated(scene, "critical", "critical", look),
      await endOf(scene, look),
    ];
  },
};

async function simulated(
  scene: Scene,
  level: string,
  expected: PressureLevel,
  look: () => Promise<PressureLevel | null>,
): Promise<Finding> {
  const child = spawn(scene.mac.sudo, ["-n", scene.mac.memoryPressure, "-S", "-l", level], { stdio: "ignore" });
  const seen = await until(scene, expected, look);
  child.kill("SIGTERM");
  return { what: `simulated: ${level}`, held: seen === expected, saw: String(seen) };
}

async function endOf(scene: Scene, look: () => Promise<PressureLevel | null>): Promise<Finding> {
  await backToNormal(scene);
  const seen = await until(scene, "normal", look);
  return { what: "back to normal", held: seen === "normal", saw: String(seen) };
}

async function backToNormal({ mac }: Scene): Promise<unknown> {
  return outputOf(mac.sudo, ["-n", mac.sysctl, "-w", BACK_TO_NORMAL]);
}

/** What was seen last. */
async function until(scene: Scene, expected: PressureLevel, look: () => Promise<PressureLevel | null>) {
  for (const deadline = Date.now() + PATIENCE_MS; ; await sleep(100, undefined, { signal: scene.signal })) {
    const seen = await look();
    if (seen === expected || Date.now() >= deadline) return seen;
  }
}
