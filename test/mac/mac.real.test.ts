import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import getPort from "get-port";
import type { AgentStatus, WorkloadStatus } from "../../agent/status/status.ts";
import {
  type AgentProcess,
  killServers,
  newSite,
  serversLeft,
  startAgentWith,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "../agent/harness.ts";
import { type Ends, undone } from "../agent/side-by-side.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { checkDoctor } from "./doctor.ts";
import { macWith } from "./mac.ts";
import { SCENARIOS, type Scenario, type Seen } from "./scenarios.ts";
import { playMac } from "./stand-ins.ts";

const SHIPPED = join(import.meta.dirname, "../../bin/pulumi-llmkube.js");
const READY: Seen = { state: "Ready" };

/** Weights on a disk of their own, which can be taken away. */
async function onDisk(weights: string): Promise<string> {
  const disk = join(await temporaryDirectory(), "disk");
  await writeFile(`${disk}.target`, dirname(weights));
  await symlink(dirname(weights), disk);
  return join(disk, basename(weights));
}

/** A real agent on the Mac of one row, and its model. */
async function open({ mac: particulars, budget = "1Gi", shipped }: Scenario, ends: Ends) {
  const mac = await playMac(macWith(particulars));
  const real = await newSite();
  const site = { ...real, llamaServer: mac.llamaServer, weights: await onDisk(real.weights) };
  await mkdir(site.state, { recursive: true });
  const port = await getPort();
  const write = (quantity: string) => writeManifests(site, "chat", { port, budget: quantity });
  await write(budget);
  const start = () => startAgentWith(site, { env: mac.env, ...(shipped && { program: SHIPPED }) });
  let agent = start();
  ends.push(async () => {
    await stopped(agent);
    assert.deepEqual(await serversLeft(site), [], "servers are left");
  });
  const reboot = async (meanwhile: () => Promise<void>) => {
    await stopped(agent, "SIGKILL");
    await killServers(site);
    await meanwhile();
    agent = start();
    await statusOnce(site, (status) => status.agent.pid === agent.child.pid);
  };
  return { mac, site, agent: () => agent, write, reboot };
}

function text({ reason = "", message = "", schedulingStatus = "", schedulingMessage = "" }: WorkloadStatus): string {
  return `${reason}: ${message} ${schedulingStatus}: ${schedulingMessage}`;
}

/** Whether the model is as it must be; its memory must have been looked at, where it runs. */
function isAsSeen(now: WorkloadStatus, seen: Seen, before?: WorkloadStatus): boolean {
  const { state, message, notes = [], noNote, restarts, sameProcess } = seen;
  const looked = state !== "Ready" || now.measuredBytes !== undefined || now.enforcementUnknown === true;
  return (
    now.state === state &&
    looked &&
    (message === undefined || message.test(text(now))) &&
    notes.every(
      (wanted) => now.notes.some((note) => wanted.test(note)) || (now.enforcementUnknown && wanted.test("enforcement")),
    ) &&
    !now.notes.some((note) => noNote?.test(note)) &&
    (restarts === undefined || now.restarts === restarts) &&
    (sameProcess === undefined || now.pid === before?.pid)
  );
}

function assertSaid(output: string, says: readonly RegExp[]): void {
  let rest = output.split("\n");
  for (const wanted of says) {
    const at = rest.findIndex((line) => wanted.test(line));
    assert.notEqual(at, -1, `the agent does not say ${wanted} in its place`);
    rest = rest.slice(at + 1);
  }
}

async function play(scenario: Scenario, ends: Ends): Promise<void> {
  const opened = await open(scenario, ends);
  try {
    await assertPlays(scenario, opened);
  } catch (error) {
    console.log(opened.agent().output());
    throw error;
  }
}

async function assertPlays(
  { refuses, sees = READY, happens, seesAfter, says = [], problem, kernelCap, doctor }: Scenario,
  { mac, site, agent, write, reboot }: Awaited<ReturnType<typeof open>>,
): Promise<void> {
  if (refuses !== undefined) return assertRefuses(agent(), refuses);
  const before = await workloadOnce(site, "chat", (now) => isAsSeen(now, sees));
  if (happens !== undefined) await happens({ mac, site, before, budget: write, reboot });
  if (seesAfter !== undefined) await workloadOnce(site, "chat", (now) => isAsSeen(now, seesAfter, before));
  const isSo = ({ agent: { problems } }: AgentStatus) =>
    problem === undefined || problems.some((each) => problem.test(each));
  const status = await statusOnce(site, isSo);
  assert.equal(status.agent.backend, "metal");
  assert.match(status.agent.kernelCap, kernelCap ?? /./);
  assertSaid(agent().output(), says);
  if (doctor !== undefined) await checkDoctor(mac, site, doctor);
  assert.equal(await stopped(agent()), 0);
}

async function assertRefuses(agent: AgentProcess, sentence: RegExp): Promise<void> {
  if (agent.child.exitCode === null) await once(agent.child, "exit");
  assert.equal(agent.child.exitCode, 2);
  assert.match(agent.output(), sentence);
}

/** Real agents, a real llama-server and real weights; everything of a Mac is a stand-in. A real Mac takes the place of this file. */
describe("the agent on a Mac that is played", function () {
  this.timeout(200_000);
  before(function () {
    if (process.platform === "darwin") this.skip();
  });
  for (const scenario of SCENARIOS) {
    it(scenario.name, () => undone((ends) => play(scenario, ends)));
  }
});
