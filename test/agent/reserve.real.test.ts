import assert from "node:assert/strict";
import { totalmem } from "node:os";
import getPort from "get-port";
import { openLinux } from "../../agent/host/linux/linux.ts";
import {
  type AgentProcess,
  newSite,
  startAgent,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";
import { standIn } from "./stand-in.ts";

const MIB = 2 ** 20;

describe("an agent with --reserve", function () {
  this.timeout(60_000);
  let agent: AgentProcess | undefined;
  afterEach(async () => {
    if (agent !== undefined) await stopped(agent);
  });

  it("keeps that much for the system, and says so where a model is refused for it", async () => {
    const platform = await openLinux();
    assert(platform.ok);
    const { hostMemoryBytes } = platform.value;
    const site = { ...(await newSite()), llamaServer: await standIn("well") };
    await writeManifests(site, "a", { port: await getPort() });
    agent = startAgent(site, "--reserve", String(hostMemoryBytes - 100 * MIB));
    const { agent: facts } = await statusOnce(site, ({ workloads }) => workloads.length === 1);
    assert.equal(facts.allocatableBytes, 100 * MIB);
    const refused = await workloadOnce(site, "a", ({ state }) => state === "Failed");
    assert.equal(refused.reason, "InsufficientMemory");
    assert.match(
      refused.message ?? "",
      /together may use 100\.0 MiB \(\S+ GiB less \S+ GiB kept for the system \(--reserve\)\)/,
    );
  });

  it("does not start where that is more than the machine has", async () => {
    const site = { ...(await newSite()), llamaServer: await standIn("well") };
    const ended = startAgent(site, "--reserve", String(totalmem() + MIB));
    assert.equal(await exitOf(ended), 2);
    assert.match(
      ended.output(),
      /^pulumi-llmkube: this machine has .* kept for the system \(--reserve\) leaves nothing/m,
    );
  });
});

function exitOf({ child }: AgentProcess): Promise<number | null> {
  return new Promise((resolve) => child.once("exit", resolve));
}
