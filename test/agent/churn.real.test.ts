import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import getPort from "get-port";
import { openLinux } from "../../agent/host/linux/linux.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import {
  type AgentProcess,
  newSite,
  type Site,
  serversLeft,
  startAgent,
  statusOnce,
  stopped,
  writeManifests,
} from "./harness.ts";
import { standIn } from "./stand-in.ts";

/** One of ten changes kills the agent. */
const CHANGES = 200;
const SEED = Number(process.env["CHURN_SEED"] ?? Date.now() % 2 ** 31);
const NAMES = ["a", "b", "c", "d"] as const;
const BUDGETS = ["350Mi", "512Mi", "700Mi"] as const;
const CONTEXTS = [512, 1024, 4096] as const;
const ALLOCATABLE_BYTES = 1024 * 2 ** 20;

type Change =
  | { readonly kind: "write"; readonly name: string; readonly budget: string; readonly contextSize: number }
  | { readonly kind: "remove"; readonly name: string }
  | { readonly kind: "kill"; readonly afterMs: number; readonly next: "at once" | "once the next one is up" };

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("write" as const),
      name: fc.constantFrom(...NAMES),
      budget: fc.constantFrom(...BUDGETS),
      contextSize: fc.constantFrom(...CONTEXTS),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), name: fc.constantFrom(...NAMES) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("kill" as const),
      afterMs: fc.nat({ max: 300 }),
      next: fc.constantFrom("at once", "once the next one is up"),
    }),
  },
);

/** The running stand-ins of this site, with the name in their `--alias`. */
async function servers(site: Site): Promise<readonly { readonly pid: number; readonly name: string }[]> {
  const platform = await openLinux();
  assert(platform.ok);
  const logs = join(site.state, "logs");
  if (!existsSync(logs)) return [];
  const found = await Promise.all(
    readdirSync(logs)
      .filter((file) => /^default_[a-d]\.log$/.test(file))
      .map(async (file) => platform.value.writersOf(join(logs, file))),
  );
  const named = await Promise.all(
    found.flat().map(async (pid) => {
      const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
      return { pid, name: argv[argv.indexOf("--alias") + 1] ?? "" };
    }),
  );
  return named.filter(({ name }) => name !== "");
}

/** The charges of all running models do not exceed what they may use together. */
async function assertWithinLimits(site: Site): Promise<void> {
  const status = await readStatus(site.state);
  if (!status.ok) return;
  const charges = status.value.workloads.map(({ pid, estimateBytes = 0, measuredBytes = 0 }) =>
    pid === undefined ? 0 : Math.max(estimateBytes, measuredBytes),
  );
  const sum = charges.reduce((total, bytes) => total + bytes, 0);
  assert.ok(sum <= ALLOCATABLE_BYTES, `${sum} bytes are charged`);
}

/** Real processes, files and signals, but stand-ins for llama-server, because 200 real starts would take an hour. */
describe("the agent under random changes, killed at random", function () {
  this.timeout(900_000);
  let agent: AgentProcess | undefined;
  afterEach(async () => agent && stopped(agent));

  it(`ends with one server per wanted workload, and never exceeds the allocatable memory (CHURN_SEED=${SEED})`, async () => {
    const site: Site = { ...(await newSite()), llamaServer: await standIn("well") };
    const ports = new Map<string, number>();
    for (const name of NAMES) ports.set(name, await getPort());
    const flags = ["--host-memory", "2Gi", "--memory-fraction", "0.5"];
    agent = startAgent(site, ...flags);
    await statusOnce(site, () => true);
    const wanted = new Set<string>();
    for (const step of fc.sample(change, { seed: SEED, numRuns: CHANGES })) {
      if (step.kind === "write") {
        await writeManifests(site, step.name, { ...step, port: ports.get(step.name) ?? 0 });
        wanted.add(`default/${step.name}`);
      } else if (step.kind === "remove") {
        await rm(join(site.manifests, `${step.name}.yaml`), { force: true });
        wanted.delete(`default/${step.name}`);
      } else {
        await sleep(step.afterMs);
        await stopped(agent, "SIGKILL");
        agent = startAgent(site, ...flags);
        const by = agent.child.pid;
        if (step.next !== "at once") await statusOnce(site, ({ agent: { pid } }) => pid === by);
      }
      await sleep(100);
      await assertWithinLimits(site);
      const names = (await servers(site)).map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, `two servers of one workload: ${names.join(", ")}`);
    }
    const { child } = agent;
    const settled = await statusOnce(
      site,
      ({ agent: { pid, allocatableBytes }, workloads }) => {
        assert.equal(allocatableBytes, ALLOCATABLE_BYTES);
        return (
          pid === child.pid &&
          workloads.length === wanted.size &&
          workloads.every(({ state }) => state === "Ready" || state === "Waiting" || state === "Failed")
        );
      },
      180_000,
    );
    assert.deepEqual(new Set(settled.workloads.map(({ name }) => name)), wanted);
    const ready = settled.workloads.filter(({ state }) => state === "Ready");
    const found = await servers(site);
    assert.deepEqual(
      found.map(({ pid, name }) => `${name} ${pid}`).toSorted(),
      ready.map(({ pid, name }) => `${name} ${pid}`).toSorted(),
    );
    const charged = ready.reduce((sum, { estimateBytes = 0 }) => sum + estimateBytes, 0);
    assert.ok(charged <= ALLOCATABLE_BYTES);
    await stopped(agent);
    assert.deepEqual(await servers(site), []);
    assert.deepEqual(await serversLeft(site), []);
    assert.deepEqual(readdirSync(join(site.state, "servers")), []);
    assert.deepEqual(readdirSync(site.state).toSorted(), ["logs", "servers", "status.json"]);
  });
});
