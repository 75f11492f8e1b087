import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import getPort from "get-port";
import { openLinux } from "../../agent/host/linux/linux.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import { FAULTS } from "./faults.ts";
import { type Fault, openScene } from "./faults-scene.ts";
import { killServers, newSite, type Site, serversLeft, statusOnce, stopped, writeManifests } from "./harness.ts";
import { openObserver } from "./observer.ts";
import { orderedStandIn } from "./stand-in-orders.ts";

/** One of ten changes kills the agent, and one of thirty is a fault. */
const CHANGES = 200;
const SEED = Number(process.env["CHURN_SEED"] ?? Date.now() % 2 ** 31);
const NAMES = ["a", "b", "c", "d"] as const;
const BUDGETS = ["350Mi", "512Mi", "700Mi"] as const;
const CONTEXTS = [512, 1024, 4096] as const;
const ALLOCATABLE_BYTES = 1024 * 2 ** 20;
/** Five seconds at least. */
const LONGEST_FAULT_MS = Number(process.env["CHURN_FAULT_SECONDS"] ?? 8) * 1000;

type Change =
  | { readonly kind: "write"; readonly name: string; readonly budget: string; readonly contextSize: number }
  | { readonly kind: "remove"; readonly name: string }
  | {
      readonly kind: "kill";
      readonly afterMs: number;
      /** What the next agent finds. */
      readonly records: "whole" | "damaged" | "of another version" | "foreign";
      readonly next: "at once" | "once the next one is up";
    }
  /** One server grows past its budget while something happens to the agent. */
  | { readonly kind: "fault"; readonly fault: Fault; readonly grower: string; readonly forMs: number };

const name = fc.constantFrom(...NAMES);
const of = <Kind extends string>(kind: Kind) => fc.constant(kind);

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 60,
    arbitrary: fc.record({
      kind: of("write"),
      name,
      budget: fc.constantFrom(...BUDGETS),
      contextSize: fc.constantFrom(...CONTEXTS),
    }),
  },
  { weight: 30, arbitrary: fc.record({ kind: of("remove"), name }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: of("kill"),
      afterMs: fc.nat({ max: 300 }),
      records: fc.constantFrom("whole", "damaged", "of another version", "foreign"),
      next: fc.constantFrom("at once", "once the next one is up"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: of("fault"),
      fault: fc.constantFrom(...FAULTS),
      grower: name,
      // A growth takes two seconds, and what is over its budget then must be gone within two samples.
      forMs: fc.integer({ min: 5000, max: LONGEST_FAULT_MS }),
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
      .map(async (file) => (await platform.value.writersOf(join(logs, file))) ?? []),
  );
  const named = await Promise.all(
    found.flat().map(async (pid) => {
      const argv = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).split("\0");
      return { pid, name: argv[argv.indexOf("--alias") + 1] ?? "" };
    }),
  );
  return named.filter(({ name }) => name !== "");
}

/** The charges of all running models do not exceed what they may use together, but for what `grown` grew by order. */
async function assertWithinLimits(site: Site, grown: ReadonlySet<string>): Promise<void> {
  const status = await readStatus(site.state);
  if (!status.ok) return;
  const charges = status.value.workloads.map(({ name, pid, estimateBytes = 0, measuredBytes = 0 }) => {
    if (pid === undefined) return 0;
    return grown.has(name) ? estimateBytes : Math.max(estimateBytes, measuredBytes);
  });
  const sum = charges.reduce((total, bytes) => total + bytes, 0);
  assert.ok(sum <= ALLOCATABLE_BYTES, `${sum} bytes are charged: ${JSON.stringify(status.value.workloads, null, 1)}`);
}

type Spoiling = Extract<Change, { kind: "kill" }>["records"];

/** What a crash, another version or a stranger may have left of the records. */
async function spoilRecords(folder: string, how: Spoiling, strangerPid: number): Promise<void> {
  if (how === "whole" || !existsSync(folder)) return;
  for (const file of readdirSync(folder).filter((entry) => entry.endsWith(".json"))) {
    const path = join(folder, file);
    await writeFile(path, spoiled(await readFile(path, "utf8"), how, strangerPid));
  }
}

function spoiled(text: string, how: Exclude<Spoiling, "whole">, strangerPid: number): string {
  const half = text.slice(0, text.length / 2);
  if (how === "damaged") return half;
  try {
    const record = JSON.parse(text) as object;
    return JSON.stringify({ ...record, ...(how === "foreign" ? { pid: strangerPid } : { version: 99 }) });
  } catch {
    // It was damaged by the kill before this one.
    return half;
  }
}

/** Real processes, files and signals, but stand-ins for llama-server, because 200 real starts would take an hour. */
describe("the agent under random changes and faults, killed at random", function () {
  this.timeout(900_000);
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end();
  });

  it(`ends with one server per wanted workload, and never exceeds a budget or the allocatable memory (CHURN_SEED=${SEED})`, async () => {
    const { path: llamaServer, order, relieve } = await orderedStandIn();
    const site: Site = { ...(await newSite()), llamaServer };
    const ports = new Map<string, number>();
    for (const each of NAMES) ports.set(each, await getPort());
    const stranger = spawn("sleep", ["900"], { stdio: "ignore" });
    ends.push(() => stranger.kill());
    // Every second run has nothing but the watchdog.
    const flags = ["--host-memory", "2Gi", "--memory-fraction", "0.5"];
    const observer = await openObserver(ALLOCATABLE_BYTES, site.state);
    ends.push(observer.close);
    const scene = await openScene(site, { flags, kernelCap: SEED % 2 === 0 }, observer);
    ends.push(
      scene.output.close,
      () => killServers(site),
      () => stopped(scene.agent(), "SIGKILL"),
    );
    await statusOnce(site, () => true);

    const budgets = new Map<string, number>();
    const grown = new Set<string>();
    let [away, deafened, over] = [false, false, false];
    ends.push(() => {
      over = true;
    });
    const tellDeaf = () => observer.deaf(away || deafened);
    /** The agent hears again once its status is its own. */
    const hears = async ({ pid } = scene.agent().child) => {
      await statusOnce(site, ({ agent }) => over || agent.pid === pid || scene.agent().child.pid !== pid);
      if (scene.agent().child.pid === pid) away = false;
      tellDeaf();
    };
    let [current, inBackground] = [Promise.resolve(), Promise.resolve()];
    let vanished = false;
    const suffer = async ({ fault, grower, forMs }: Extract<Change, { kind: "fault" }>) => {
      grown.add(`default/${grower}`);
      deafened = fault.deaf;
      tellDeaf();
      const { end } = await fault.begin(scene);
      ends.push(end);
      const toMib = (budgets.get(grower) ?? 0) / 2 ** 20 + 25;
      if (toMib > 25) await order(`default/${grower}`, { grow: { toMib, mibPerSecond: 200 } });
      await sleep(forMs);
      await relieve(`default/${grower}`);
      ends.splice(ends.indexOf(end), 1);
      await end();
      deafened = false;
      vanished = false;
      tellDeaf();
    };

    const wanted = new Set<string>();
    for (const step of fc.sample(change, { seed: SEED, numRuns: CHANGES })) {
      observer.note(
        `${step.kind} ${"fault" in step ? `${step.fault.name}, ${step.grower} grows` : JSON.stringify(step)}`,
      );
      if (vanished || step.kind === "fault") await current;
      if (step.kind === "write") {
        const bytes = Number.parseInt(step.budget, 10) * 2 ** 20;
        budgets.set(step.name, bytes);
        observer.budget(`default/${step.name}`, bytes);
        await writeManifests(site, step.name, { ...step, port: ports.get(step.name) ?? 0 });
        wanted.add(`default/${step.name}`);
      } else if (step.kind === "remove") {
        await rm(join(site.manifests, `${step.name}.yaml`), { force: true });
        wanted.delete(`default/${step.name}`);
      } else if (step.kind === "fault") {
        vanished = step.fault.movesFolder;
        current = suffer(step);
        // It is awaited before the next fault and at the end.
        current.catch(() => {});
      } else {
        away = true;
        tellDeaf();
        await sleep(step.afterMs);
        await stopped(scene.agent(), "SIGKILL");
        await spoilRecords(join(site.state, "servers"), step.records, stranger.pid ?? 0);
        scene.restart();
        await inBackground;
        inBackground = hears();
        inBackground.catch(() => {});
        if (step.next !== "at once") await inBackground;
      }
      await sleep(100);
      await assertWithinLimits(site, grown);
      observer.assertNoViolationYet();
    }
    await Promise.all([current, inBackground]);
    const { child } = scene.agent();
    const settled = await statusOnce(
      site,
      ({ agent: { pid, allocatableBytes }, workloads }) => {
        assert.equal(allocatableBytes, ALLOCATABLE_BYTES);
        return (
          pid === child.pid &&
          isDeepStrictEqual(new Set(workloads.map(({ name }) => name)), wanted) &&
          workloads.every(({ state }) => ["Ready", "Waiting", "Failed", "BackOff"].includes(state))
        );
      },
      180_000,
    );
    const ready = settled.workloads.filter(({ state }) => state === "Ready");
    const found = await servers(site);
    assert.deepEqual(
      found.map(({ pid, name }) => `${name} ${pid}`).toSorted(),
      ready.map(({ pid, name }) => `${name} ${pid}`).toSorted(),
    );
    const charged = ready.reduce((sum, { estimateBytes = 0 }) => sum + estimateBytes, 0);
    assert.ok(charged <= ALLOCATABLE_BYTES);
    observer.assertNoViolation();
    assert.equal(stranger.exitCode ?? stranger.signalCode, null, "a process that is not the agent's was ended");
    await stopped(scene.agent());
    assert.deepEqual(await servers(site), []);
    assert.deepEqual(await serversLeft(site), []);
    assert.deepEqual(readdirSync(join(site.state, "servers")), []);
    assert.deepEqual(readdirSync(site.state).toSorted(), ["logs", "servers", "status.json"]);
  });
});
