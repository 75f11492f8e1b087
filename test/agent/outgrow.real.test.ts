import assert from "node:assert/strict";
import getPort from "get-port";
import {
  killServers,
  newSite,
  type Site,
  startAgentWith,
  statusOnce,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";
import { openObserver } from "./observer.ts";
import { type Ends, sideBySide, undone } from "./side-by-side.ts";
import { type OrderedStandIn, orderedStandIn } from "./stand-in-orders.ts";

const MIB = 2 ** 20;
const GONE_MS = 20_000;
/** Of trials side by side. */
const LANES = 3;
const CONTEXT_SIZE = 512;

/** An agent without the kernel's limit, watched from outside. */
async function open(ends: Ends, shareMib: number, standIn: OrderedStandIn, flags: readonly string[] = []) {
  const site: Site = { ...(await newSite()), llamaServer: standIn.path };
  const observer = await openObserver(shareMib * MIB, site.state);
  const start = (own: readonly string[]) => startAgentWith(site, { kernelCap: false, flags: own });
  let agent = start(flags);
  ends.push(
    observer.close,
    () => killServers(site),
    () => stopped(agent, "SIGKILL"),
  );
  const write = async (name: string, budgetMib: number, priority = "normal") => {
    observer.budget(`default/${name}`, budgetMib * MIB);
    const port = await getPort();
    await writeManifests(site, name, { port, contextSize: CONTEXT_SIZE, priority, budget: `${budgetMib}Mi` });
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
  /** The agent is killed, and another one follows it. */
  const follow = async (changed: readonly string[]) => {
    await stopped(agent, "SIGKILL");
    agent = start(changed);
    const { pid } = agent.child;
    await statusOnce(site, (status) => status.agent.pid === pid);
  };
  return { site, observer, write, ready, goneWithin, exceeded, follow };
}

/** Real agents and processes; stand-ins for llama-server that grow on demand, each in its own way. */
describe("memory that is not held by the one process that the agent started", function () {
  this.timeout(300_000);
  const trials = sideBySide(LANES);
  let running = Promise.resolve();
  before(() => {
    running = trials.run();
  });
  after(() => running);
  const holds = (what: string, trial: (ends: Ends) => Promise<void>) => {
    const outcome = trials.add(() => undone(trial));
    it(what, () => outcome);
  };

  holds("counts where a script started the server without exec, and ends with it", async (ends) => {
    const standIn = await orderedStandIn({ wrapped: true });
    const { site, write, ready, goneWithin, exceeded } = await open(ends, 4096, standIn);
    await write("a", 350);
    const pid = await ready("a");
    const { measuredBytes = 0 } = await workloadOnce(site, "a", (it) => it.measuredBytes !== undefined);
    assert.ok(measuredBytes > 20 * MIB, `${measuredBytes} bytes are those of the script`);
    await standIn.order("default/a", { grow: { toMib: 372, mibPerSecond: 250 } });
    await goneWithin(pid);
    await exceeded("a");
  });

  holds("counts where a child of the server grows, and ends with it", async (ends) => {
    const standIn = await orderedStandIn();
    const { write, ready, goneWithin, exceeded } = await open(ends, 4096, standIn);
    await write("a", 350);
    const pid = await ready("a");
    await standIn.order("default/a", { childGrows: { toMib: 340, mibPerSecond: 250 } });
    await goneWithin(pid);
    await exceeded("a");
  });

  holds("counts where llama-server grows while it is asked for its projection", async (ends) => {
    const standIn = await orderedStandIn({ projects: true });
    const { observer, write, exceeded } = await open(ends, 4096, standIn);
    await standIn.order("default/a", { projectionGrows: { toMib: 500, mibPerSecond: 100 } });
    await write("a", 350);
    const asked = await observer.sees((groups) => groups.some(({ projection }) => projection), GONE_MS);
    assert.ok(asked, "it was not asked for its projection");
    const gone = await observer.sees((groups) => groups.every(({ projection }) => !projection), GONE_MS);
    observer.assertNoViolation();
    assert.ok(gone, `it neither grew nor ended: ${JSON.stringify(observer.groups())}`);
    await exceeded("a");
  });

  holds(
    "counts together with that of another model: over the machine's share the lower priority gives way",
    async (ends) => {
      // Each may grow so far, and both together may not.
      const standIn = await orderedStandIn();
      const { site, write, ready, goneWithin } = await open(ends, 900, standIn, [
        "--host-memory",
        "1200Mi",
        "--memory-fraction",
        "0.75",
      ]);
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
    },
  );

  holds("counts where an agent follows with a smaller share: then, too, the lower priority gives way", async (ends) => {
    const standIn = await orderedStandIn();
    const { observer, write, ready, goneWithin, follow } = await open(ends, 1024, standIn, [
      "--host-memory",
      "2Gi",
      "--memory-fraction",
      "0.5",
    ]);
    await write("first", 500, "high");
    await write("second", 500, "low");
    const [first, second] = [await ready("first"), await ready("second")];
    for (const name of ["first", "second"]) {
      await standIn.order(`default/${name}`, { grow: { toMib: 450, mibPerSecond: 150 } });
    }
    const grown = await observer.sees((groups) => groups.every(({ bytes }) => bytes > 440 * MIB), GONE_MS);
    assert.ok(grown);
    observer.share(700 * MIB);
    observer.deaf(true);
    await follow(["--host-memory", "1400Mi", "--memory-fraction", "0.5"]);
    observer.deaf(false);
    await goneWithin(second);
    assert.equal(await ready("first"), first);
  });
});
