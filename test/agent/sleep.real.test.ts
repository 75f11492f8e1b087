import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { ARGUMENT } from "../../agent/watchdog/protocol.ts";
import { statusNow } from "../../cli/status-liveness.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";

/** Longer than what an agent takes for a sleep, and than each deadline between its processes. */
const SLEEP_MS = 40_000;
const isReady = ({ state }: { readonly state: string }) => state === "Ready";

async function watchdogOf(agentPid: number): Promise<number> {
  for (const entry of await readdir("/proc")) {
    const line = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    if (line.includes(`${ARGUMENT}\0${agentPid}\0`)) return Number(entry);
  }
  return assert.fail(`agent ${agentPid} has no watchdog`);
}

/** Processes that are stopped and continued together, as all of a machine are when it sleeps: their clocks run on. */
function closeLid(pids: readonly number[]): (those?: readonly number[]) => void {
  for (const pid of pids) process.kill(pid, "SIGSTOP");
  return (those = pids) => {
    for (const pid of those) process.kill(pid, "SIGCONT");
  };
}

/** Streams an answer of so many tokens, and fails if it is cut. */
async function streamed(port: number, tokens: number, begun: () => void): Promise<void> {
  const body = { prompt: "Once upon a time", max_tokens: tokens, ignore_eos: true, stream: true };
  const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  let text = "";
  for await (const chunk of response.body ?? []) {
    text += Buffer.from(chunk).toString();
    begun();
  }
  assert.match(text, /"finish_reason":"length".*data: \[DONE\]/s);
}

describe("a machine that sleeps, here an agent, its watchdog and its server that are stopped and continued", function () {
  this.timeout(300_000);
  let site: Site;
  let agent: AgentProcess;
  let port: number;
  let server: number;
  let watchdog: number;
  let wakeUp: (() => void) | undefined;

  beforeEach(async () => {
    [site, port] = [await newSite(), await getPort()];
    await writeManifests(site, "chat", { port, spec: { parallelSlots: 1 } });
    agent = startAgent(site);
    const { pid } = await workloadOnce(site, "chat", isReady);
    assert(pid !== undefined && agent.child.pid !== undefined);
    [server, watchdog] = [pid, await watchdogOf(agent.child.pid)];
  });
  afterEach(async () => {
    wakeUp?.();
    await stopped(agent);
  });

  const everybody = () => [agent.child.pid ?? 0, watchdog, server];
  const testRequests = async () => {
    const log = await readFile(join(site.state, "logs", "default_chat.log"), "utf8");
    return log.split("processing task").length - 1;
  };
  /** What a person sees, and what the agent holds. */
  const isAsBefore = async () => {
    const { liveness, status, trouble } = await statusNow(site.state, await statusOnce(site, () => true));
    assert.deepEqual([liveness.is, trouble, status.agent.problems], ["running", undefined, []]);
    const [chat] = status.workloads;
    assert.deepEqual([chat?.state, chat?.pid, chat?.restarts, chat?.lastExit], ["Ready", server, 0, undefined]);
    assert.equal(agent.child.exitCode, null, agent.output());
  };
  const staysAsBefore = async (milliseconds: number) => {
    for (const until = performance.now() + milliseconds; performance.now() < until; await sleep(1000))
      await isAsBefore();
  };

  it("ends no answer and no server, loses no lock, and shows a right status three seconds after the wake", async () => {
    const begun = Promise.withResolvers<void>();
    const answer = streamed(port, 60, begun.resolve);
    await begun.promise;
    wakeUp = closeLid(everybody());
    await sleep(SLEEP_MS / 2);
    const second = startAgent(site);
    await once(second.child, "exit");
    assert.equal(second.child.exitCode, 2);
    assert.match(second.output(), new RegExp(`another agent \\(pid ${agent.child.pid}\\) uses the state folder`));
    await sleep(SLEEP_MS / 2);
    wakeUp();
    await sleep(3000);
    await isAsBefore();
    await answer;
    await staysAsBefore(15_000);
    assert.doesNotMatch(agent.output(), /WARN|ERROR|FATAL/);
  });

  it("asks an idle server after the wake whether it still answers, once", async () => {
    const before = await testRequests();
    wakeUp = closeLid(everybody());
    await sleep(SLEEP_MS);
    wakeUp();
    await sleep(3000);
    await isAsBefore();
    for (let tries = 0; tries < 100 && (await testRequests()) === before; tries += 1) await sleep(200);
    await staysAsBefore(12_000);
    assert.equal(await testRequests(), before + 1);
  });

  it("is no reason to end a server where the agent wakes some seconds before the rest", async () => {
    const wake = closeLid(everybody());
    wakeUp = () => wake([server]);
    await sleep(SLEEP_MS);
    wake([agent.child.pid ?? 0]);
    await sleep(7000);
    // The agent may have another watchdog by now: this one did not report for longer than it waits.
    if (existsSync(`/proc/${watchdog}`)) wake([watchdog]);
    await sleep(2000);
    wake([server]);
    await sleep(5000);
    await staysAsBefore(20_000);
  });
});
