import { nextAgent } from "../installed.ts";
import { killAgent, openSite } from "../site.ts";
import type { Step } from "../step.ts";
import { streamed } from "../stream.ts";

/** More than any machine computes while an agent begins, and fewer than the context has room for. */
const TOKENS = 3500;
/** So many pieces have come when the agent is killed, and so many are waited for once the next one has adopted the server. */
const SOME = 20;
const UP_MS = 60_000;

export const adoption: Step = {
  name: "adoption",
  asserts: "an answer that is being streamed goes on while its agent is killed and the next one adopts the server",
  needs: [],
  blocks: "off-hosted",
  run: async (scene) => {
    const site = await openSite(scene, await scene.llamaServer());
    await site.write({ budget: "768Mi" });
    const first = site.start();
    const before = await site.reaches(({ state }) => state === "Ready");
    const stream = streamed(`${before.endpoint}/completions`, TOKENS, scene.signal);
    await stream.reaches(SOME);
    await killAgent(first);
    const atKill = stream.pieces();
    const second = site.start();
    const followed = await nextAgent(site.state, first.pid, UP_MS, scene.signal);
    const after = await site.reaches(({ state }) => state === "Ready");
    const atAdoption = stream.pieces();
    await stream.reaches(atAdoption + SOME);
    const { pieces, longestGapMs } = stream.close();
    return [
      { what: "the next agent is up", held: followed === second.pid, saw: `pid ${followed}` },
      {
        what: "the answer went on",
        held: atKill < atAdoption && atAdoption + SOME <= pieces,
        saw: `${atKill} pieces at the kill, ${atAdoption} at the adoption, ${pieces} then; longest gap ${longestGapMs} ms`,
      },
      { what: "the server is the same", held: after.pid === before.pid, saw: `pids ${before.pid} and ${after.pid}` },
      { what: "nothing was started again", held: after.restarts === 0, saw: `${after.restarts} restarts` },
    ];
  },
};
