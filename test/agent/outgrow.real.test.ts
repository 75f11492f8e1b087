import assert from "node:assert/strict";
import getPort from "get-port";
import {
  type AgentProcess,
  type AgentSettings,
  killServers,
  newSite,
  type Site,
  startAgentWith,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";
import { type Observer, openObserver } from "./observer.ts";
import { type OrderedStandIn, orderedStandIn } from "./stand-in-orders.ts";

const MIB = 2 ** 20;
const GONE_MS = 20_000;
/** Half of it is the share of all models. */
const HOST_MEMORY = ["--host-memory", "2Gi", "--memory-fraction"];
const CONTEXT_SIZE = 512;

/** Real agents and processes, without the kernel's limit; stand-ins for llama-server that grow on demand, each in its own way. */
describe("memory that is not held by the one process that the agent started", function () {
  this.timeout(120_000);
  let agent: AgentProcess | undefined;
  let observer: Observer;
  let site: Site;
  let standIn: OrderedStandIn;
  afterEach(async () => {
    await observer.close();
    if (agent !== undefined) await stopped(agent, "SIGKILL");
    await killServers(site);
  });

  const open = async (shareMib: number, made: OrderedStandIn, settings: AgentSettings = {}) => {
    standIn = made;
    site = { ...(await newSite()), llamaServer: standIn.path };
    observer = await openObserver(shareMib * MIB, site.state);
    agent = startAgentWith(site, { kernelCap: false, ...settings });
  };
  const write = async (name: string, budgetMib: number | undefined, priority = "normal") => {
    const port = await getPort();
    const budget = budgetMib === undefined ? {} : { budget: `${budgetMib}Mi` };
    await writeManifests(site, name, { port, contextSize: CONTEXT_SIZE, priority, ...budget });
    if (budgetMib !== undefined) observer.budget(`default/${name}`, budgetMib * MIB);
  };
  const ready = async (name: string) => {
    const { pid } = await workloadOnce(site, name, ({ state }) => state === "Ready");
    assert(pid !== undefined);
    return pid;
  };
  const goneWithin = async (group: number) => {
    const gone = await observer.sees((groups) => groups.every((each) => each.group !== group), GONE_MS);
    observer.assertNoViolation();
    assert.ok(gone, `it neither grew nor ended: ${JSON.stringify(observer.groups())}`);
  };
  const exceeded = async (name: string) => {
    const { message = "" } = await workloadOnce(site, name, ({ reason }) => reason === "BudgetExceeded");
    assert.match(message, /budget 350\.0 MiB/);
  };

  it("counts where a script started the server without exec, and ends with it", async () => {
    await open(4096, await orderedStandIn({ wrapped: true }));
    await write("a", 350);
    const pid = await ready("a");
    const { measuredBytes = 0 } = await workloadOnce(site, "a", (it) => it.measuredBytes !== undefined);
    assert.ok(measuredBytes > 20 * MIB, `${measuredBytes} bytes are those of the script`);
    await standIn.order("default/a", { grow: { toMib: 372, mibPerSecond: 250 } });
    await goneWithin(pid);
    await exceeded("a");
  });

  it("counts where a child of the server grows, and ends with it", async () => {
    await open(4096, await orderedStandIn());
    await write("a", 350);
    const pid = await ready("a");
    await standIn.order("default/a", { childGrows: { toMib: 340, mibPerSecond: 250 } });
    await goneWithin(pid);
    await exceeded("a");
  });

  it("counts where llama-server grows while it is asked for its projection", async () => {
    await open(4096, await orderedStandIn({ projects: true }));
    await standIn.order("default/a", { projectionGrows: { toMib: 500, mibPerSecond: 100 } });
    await write("a", 350);
    const asked = await observer.sees((groups) => groups.some(({ projection }) => projection), GONE_MS);
    assert.ok(asked, "it was not asked for its projection");
    const gone = await observer.sees((groups) => groups.every(({ projection }) => !projection), GONE_MS);
    observer.assertNoViolation();
    assert.ok(gone, `it neither grew nor ended: ${JSON.stringify(observer.groups())}`);
    await exceeded("a");
  });

  it("counts together with that of another model: over the machine's share the lower priority gives way", async () => {
    // Each may grow so far, and both together may not.
    await open(900, await orderedStandIn(), { flags: ["--host-memory", "1200Mi", "--memory-fraction", "0.75"] });
    await write("first", 700, "high");
    await write("second", 700, "low");
    const [first, second] = [await ready("first"), await ready("second")];
    for (const name of ["first", "second"]) {
      await standIn.order(`default/${name}`, { grow: { toMib: 500, mibPerSecond: 150 } });
    }
    await goneWithin(second);
    assert.equal(await ready("first"), first);
    const { message = "" } = await workloadOnce(site, "second", ({ state }) => state === "Waiting");
    assert.match(message, /memory/);
  });

  it("counts where an agent follows with a smaller share: then, too, the lower priority gives way", async () => {
    await open(1024, await orderedStandIn(), { flags: [...HOST_MEMORY, "0.5"] });
    await write("first", 500, "high");
    await write("second", 500, "low");
    const [first, second] = [await ready("first"), await ready("second")];
    for (const name of ["first", "second"]) {
      await standIn.order(`default/${name}`, { grow: { toMib: 450, mibPerSecond: 150 } });
    }
    const grown = await observer.sees((groups) => groups.every(({ bytes }) => bytes > 440 * MIB), GONE_MS);
    assert.ok(grown);
    assert(agent !== undefined);
    await stopped(agent, "SIGKILL");
    observer.share(700 * MIB);
    observer.deaf(true);
    const smaller = startAgentWith(site, {
      kernelCap: false,
      flags: ["--host-memory", "1400Mi", "--memory-fraction", "0.5"],
    });
    agent = smaller;
    await statusOnce(site, (status) => status.agent.pid === smaller.child.pid);
    observer.deaf(false);
    await goneWithin(second);
    assert.equal(await ready("first"), first);
  });
});
