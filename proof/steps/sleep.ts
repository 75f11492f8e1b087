import { setTimeout as pause } from "node:timers/promises";
import { isGone } from "../../agent/host/is-gone.ts";
import { awakeClock } from "../../agent/lifecycle/awake-clock.ts";
import { printed } from "../printed.ts";
import { openSite } from "../site.ts";
import type { Scene, Step } from "../step.ts";

const WAKE_SECONDS = 120;
/** A gap of the clock that no busy machine makes. */
const GAP_MS = 45_000;
const PATIENCE_MS = 10 * 60_000;
const TICK_MS = 1000;
/** After it the agent has looked at its server again. */
const LOOK_MS = 30_000;

export const sleep: Step = {
  name: "sleep",
  asserts: "a server that is Ready when the Mac goes to sleep is the same one, Ready, when it wakes",
  needs: ["darwin", "gpu", "root", "selfHosted"],
  blocks: "off-hosted",
  run: async (scene) => {
    const { pmset, sudo } = scene.mac;
    const site = await openSite(scene, await scene.llamaServer());
    await site.write({ budget: "768Mi" });
    site.start();
    const before = await site.reaches(({ state }) => state === "Ready");
    await printed(scene, "wake", [sudo, "-n", pmset, "relative", "wake", String(WAKE_SECONDS)]);
    await printed(scene, "sleepnow", [sudo, "-n", pmset, "sleepnow"]);
    const slept = await gap(scene);
    await pause(LOOK_MS, undefined, { signal: scene.signal });
    const after = await site.reaches(({ state }) => state === "Ready");
    await printed(scene, "pmset-log", [pmset, "-g", "log"]);
    return [
      { what: "the Mac slept", held: slept.gapMs >= GAP_MS, saw: `a gap of ${Math.round(slept.gapMs / 1000)} s` },
      { what: "the agent's clock passed over it", held: slept.awakeMs < slept.gapMs, saw: `${slept.awakeMs} ms count` },
      { what: "the server is the same", held: after.pid === before.pid, saw: `pids ${before.pid} and ${after.pid}` },
      { what: "it was not started again", held: after.restarts === before.restarts, saw: `${after.restarts} restarts` },
      { what: "it lives", held: !isGone(after.pid ?? 0), saw: after.message ?? "Ready" },
    ];
  },
};

/** The longest time between two ticks, and how much of it the agent's clock counts. Ends soon after a gap, or after ten minutes. */
async function gap({ signal }: Scene): Promise<{ readonly gapMs: number; readonly awakeMs: number }> {
  const awake = awakeClock(Date.now);
  let [lastAt, lastAwake] = [Date.now(), awake()];
  const deadline = lastAt + PATIENCE_MS;
  for (;;) {
    await pause(TICK_MS, undefined, { signal });
    const [now, nowAwake] = [Date.now(), awake()];
    if (now - lastAt >= GAP_MS) return { gapMs: now - lastAt, awakeMs: nowAwake - lastAwake };
    if (now >= deadline) return { gapMs: now - lastAt, awakeMs: nowAwake - lastAwake };
    [lastAt, lastAwake] = [now, nowAwake];
  }
}
