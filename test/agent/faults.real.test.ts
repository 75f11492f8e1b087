import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { FAULTS } from "./faults.ts";
import { type Fault, openScene } from "./faults-scene.ts";
import { killServers, newSite, type Site, statusOnce, stopped, workloadOnce, writeManifests } from "./harness.ts";
import { openObserver } from "./observer.ts";
import { type Ends, sideBySide, undone } from "./side-by-side.ts";
import { orderedStandIn } from "./stand-in-orders.ts";

const MIB = 2 ** 20;
const BUDGET = { text: "350Mi", bytes: 350 * MIB };
/** Above the budget, and below the kernel's limit: only a watchdog notices. */
const TOO_MUCH = { toMib: 372, mibPerSecond: 250 };
const SHARE = { bytes: 4096 * MIB, flags: ["--host-memory", "8Gi", "--memory-fraction", "0.5"] };
/** For what is over its budget for two samples, and its end. */
const GONE_MS = 10_000;
/** How long each fault lasts before the server grows: by default until its effect can be told; `FAULT_SECONDS=60` is the whole minute. */
const LASTS_MS = Number(process.env["FAULT_SECONDS"] ?? 0) * 1000;
/** Trials side by side, each with an agent and servers of its own: with more of them the machine is what they wait for. */
const LANES = 4;

/** A fault, with the kernel's limit behind the watchdog or without. */
interface Trial {
  readonly fault: Fault;
  readonly kernelCap: boolean;
}

/** Why it could not be tried here; undefined where it was. */
type Skipped = string | undefined;

/** The fault, then the growth; the grown server is gone while the fault lasts, and its neighbour is untouched. */
async function survives({ fault, kernelCap }: Trial, ends: Ends): Promise<Skipped> {
  const { path: llamaServer, order, relieve } = await orderedStandIn();
  const site: Site = { ...(await newSite()), llamaServer };
  const observer = await openObserver(SHARE.bytes, site.state);
  ends.push(observer.close);
  const scene = await openScene(site, { kernelCap, flags: SHARE.flags }, observer);
  ends.push(
    () => killServers(site),
    async () => scene.output.close(),
    () => stopped(scene.agent(), "SIGKILL"),
  );
  const { agent } = await statusOnce(site, () => true);
  assert.equal(agent.allocatableBytes, SHARE.bytes);
  const isCapped = !agent.kernelCap.startsWith("none");
  if (kernelCap && !isCapped) return `the kernel's limit here is ${agent.kernelCap}`;
  assert.equal(isCapped, kernelCap, agent.kernelCap);
  const pids: number[] = [];
  for (const name of ["grower", "neighbour"]) {
    observer.budget(`default/${name}`, BUDGET.bytes);
    await writeManifests(site, name, { port: await getPort(), budget: BUDGET.text, contextSize: 512 });
  }
  for (const name of ["grower", "neighbour"]) {
    const { pid } = await workloadOnce(site, name, ({ state }) => state === "Ready");
    assert(pid !== undefined);
    pids.push(pid);
  }
  const [grower, neighbour] = pids;
  const lasting = await fault.begin(scene);
  ends.push(lasting.end);
  observer.note(fault.name);
  await sleep(Math.max(LASTS_MS, fault.tellsAfterMs ?? 0));
  await lasting.assertOn();
  await order("default/grower", { grow: TOO_MUCH });
  const gone = await observer.sees((groups) => groups.every(({ group }) => group !== grower), GONE_MS);
  observer.assertNoViolation();
  assert.ok(gone, `it neither grew nor ended: ${JSON.stringify(observer.groups())}`);
  assert.ok(
    observer.groups().some(({ group }) => group === neighbour),
    "its neighbour is gone, too",
  );
  await lasting.assertOn();
  await relieve("default/grower");
  ends.pop();
  await lasting.end();
  const said = await workloadOnce(site, "grower", ({ reason }) => reason === "BudgetExceeded");
  assert.match(said.message ?? "", /budget 350\.0 MiB/);
  const still = await workloadOnce(site, "neighbour", ({ state }) => state === "Ready");
  assert.equal(still.pid, neighbour);
  observer.assertNoViolation();
  return undefined;
}

/** Real agents, processes, pipes and signals, and stand-ins for llama-server that grow on demand. */
describe("a server that grows past its budget is gone within two samples", function () {
  // Each test waits for those before it.
  this.timeout(900_000);
  const trials = sideBySide(LANES);
  let running = Promise.resolve();
  before(() => {
    running = trials.run();
  });
  after(() => running);

  for (const fault of FAULTS) {
    for (const kernelCap of [false, true]) {
      const trial = trials.add(() => undone((ends) => survives({ fault, kernelCap }, ends)));
      it(`while ${fault.name}, ${kernelCap ? "with" : "without"} the kernel's limit`, async function () {
        const skipped = await trial;
        if (skipped === undefined) return;
        console.log(`      skipped: ${skipped}`);
        this.skip();
      });
    }
  }
});
