import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { type AgentProcess, newSite, startAgent, stopped, workloadOnce, writeManifests } from "../harness.ts";

const CLIENTS = 40;
/** More than the checks that a server which is hung is given. */
const WATCHED_MS = 55_000;

const isReady = ({ state }: { readonly state: string }) => state === "Ready";

describe("a real llama-server that is busy", function () {
  this.timeout(180_000);
  let agent: AgentProcess;
  afterEach(() => stopped(agent));

  it("is not taken for hung: forty long answers on one slot, and none is cut", async () => {
    const site = await newSite();
    const port = await getPort();
    await writeManifests(site, "chat", { port, contextSize: 8192, budget: "900Mi", spec: { parallelSlots: 1 } });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    const cut: string[] = [];
    const clients = Array.from({ length: CLIENTS }, () => longAnswer(port, (why) => cut.push(why)));
    const until = performance.now() + WATCHED_MS;
    while (performance.now() < until) {
      await sleep(500);
      const now = await workloadOnce(site, "chat", () => true);
      assert.deepEqual([now.state, now.pid, cut], ["Ready", pid, []]);
    }
    for (const leave of clients) leave();
  });
});

/** Asks for an answer that takes longer than the test. Returns how to leave; `cut` is called if the server ends it before. */
function longAnswer(port: number, cut: (why: string) => void): () => void {
  const asked = request({ host: "127.0.0.1", port, path: "/v1/completions", method: "POST", agent: false });
  let left = false;
  asked.setHeader("content-type", "application/json");
  asked.on("error", (error) => left || cut(error.message));
  asked.end(JSON.stringify({ prompt: "Once upon a time", max_tokens: 7000, ignore_eos: true, stream: true }));
  once(asked, "response").then(
    ([response]) => {
      response.on("error", (error: Error) => left || cut(error.message));
      response.resume();
    },
    () => {},
  );
  return () => {
    left = true;
    asked.destroy();
  };
}
