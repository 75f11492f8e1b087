import { endsWithin } from "../process-end.ts";
import { openSite } from "../site.ts";
import type { Step } from "../step.ts";

const GONE_MS = 60_000;

export const budgetLowered: Step = {
  name: "budget-lowered",
  asserts: "a real llama-server whose budget is lowered below what it uses is stopped, with the reason",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const site = await openSite(scene, await scene.llamaServer());
    await site.write({ budget: "768Mi" });
    site.start();
    const { pid = 0, measuredBytes = 0 } = await site.reaches(
      ({ state, measuredBytes }) => state === "Ready" && measuredBytes !== undefined,
    );
    const loweredAt = performance.now();
    await site.write({ budget: "64Mi" });
    const { message = "", reason } = await site.reaches(({ state }) => state !== "Ready" && state !== "Draining");
    const gone = await endsWithin(pid, GONE_MS, scene.signal);
    const seconds = ((performance.now() - loweredAt) / 1000).toFixed(1);
    return [
      { what: "its footprint was measured", held: measuredBytes > 64 * 2 ** 20, saw: `${measuredBytes} bytes` },
      { what: "it says why", held: reason === "BudgetExceeded", saw: `${reason}: ${message}` },
      { what: "the process is gone", held: gone, saw: `pid ${pid}, after ${seconds} s` },
    ];
  },
};
