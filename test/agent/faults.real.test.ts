import assert from "node:assert/strict";
import getPort from "get-port";
import { FAULTS, type Fault, openScene } from "./faults.ts";
import { killServers, newSite, type Site, stopped, workloadOnce, writeManifests } from "./harness.ts";
import { openObserver } from "./observer.ts";
import { orderedStandIn } from "./stand-in-orders.ts";

const MIB = 2 ** 20;
const BUDGET = { text: "350Mi", bytes: 350 * MIB };
/** Above the budget, and below the kernel's limit: only a watchdog notices. */
const TOO_MUCH = { toMib: 372, mibPerSecond: 250 };
const SHARE_BYTES = 4096 * MIB;
/** For what is over its budget for two samples, and its end, and a fault that takes its time to begin. */
const GONE_MS = 10_000;

/** Real agents, processes, pipes and signals, and stand-ins for llama-server that grow on demand. */
describe("a server that grows past its budget", function () {
  this.timeout(120_000);
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  /** The fault, then the growth; the grown server is gone while the fault lasts, and its neighbour is untouched. */
  const survives = async (fault: Fault, kernelCap: boolean) => {
    const { path: llamaServer, order, relieve } = await orderedStandIn();
    const site: Site = { ...(await newSite()), llamaServer };
    const scene = await openScene(site, { kernelCap, flags: ["--host-memory", "8Gi", "--memory-fraction", "0.5"] });
    ends.push(
      () => killServers(site),
      async () => scene.output.close(),
      () => stopped(scene.agent(), "SIGKILL"),
    );
    const observer = await openObserver(SHARE_BYTES, site.state);
    ends.push(observer.close);
    const pids: number[] = [];
    for (const name of ["grower", "neighbour"]) {
      await writeManifests(site, name, { port: await getPort(), budget: BUDGET.text, contextSize: 512 });
      observer.budget(`default/${name}`, BUDGET.bytes);
    }
    for (const name of ["grower", "neighbour"]) {
      const { pid } = await workloadOnce(site, name, ({ state }) => state === "Ready");
      assert(pid !== undefined);
      pids.push(pid);
    }
    const [grower, neighbour] = pids;
    const end = await fault.begin(scene);
    ends.push(end);
    observer.note(fault.name);
    await order("default/grower", { grow: TOO_MUCH });
    const gone = await observer.sees((groups) => groups.every(({ group }) => group !== grower), GONE_MS);
    observer.assertNoViolation();
    assert.ok(gone, `it neither grew nor ended: ${JSON.stringify(observer.groups())}`);
    assert.ok(
      observer.groups().some(({ group }) => group === neighbour),
      "its neighbour is gone, too",
    );
    await relieve("default/grower");
    ends.pop();
    await end();
    const said = await workloadOnce(site, "grower", ({ reason }) => reason === "BudgetExceeded");
    assert.match(said.message ?? "", /budget 350\.0 MiB/);
    const still = await workloadOnce(site, "neighbour", ({ state }) => state === "Ready");
    assert.equal(still.pid, neighbour);
    observer.assertNoViolation();
  };

  for (const fault of FAULTS) {
    it(`is gone within two samples while ${fault.name}, with and without the kernel's limit`, async () => {
      const all = await Promise.allSettled([survives(fault, false), survives(fault, true)]);
      const failed = all.flatMap((one) => (one.status === "rejected" ? [String(one.reason)] : []));
      if (failed.length > 0) assert.fail(failed.join("\n"));
    });
  }
});
