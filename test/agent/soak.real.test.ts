import assert from "node:assert/strict";
import { readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { kernelLimitBytes } from "../../agent/kernel-limit/kernel-limit.ts";
import {
  type AgentProcess,
  killServers,
  loggingTo,
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
/** From source, without the flags of V8 that are shipped, the space for new objects alone grows by 30 MiB in the first minutes. */
const SHIPPED = join(import.meta.dirname, "../../bin/pulumi-llmkube.js");
/** How long clients stream once all servers are ready: `npm run soak` takes ten minutes. */
const SECONDS = Number(process.env["SOAK_SECONDS"] ?? 120);
/** Letters, so that a line of the log without its digits still tells two of them apart. */
const NAMES = [..."abcdefghijklmnopqrst"];
const BUDGET_MIB = 350;
/** A raised budget is above the kernel's limit for the one before it. */
const RAISE_MIB = 60;
const CONTEXT_SIZE = 512;
/** Caches fill and code is compiled in the first seconds; what is gained is counted from then on. */
const WARM_UP_SECONDS = 15;
const READINGS = 10;
const MAY_GAIN_BYTES = 10 * MIB;

interface Answers {
  whole: number;
  readonly cut: string[];
}

/** Asks for one streamed answer after the other until `stop`; each must come to its end. */
async function streamWithoutPause(name: string, port: number, answers: Answers, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/v1/completions`, {
        method: "POST",
        body: JSON.stringify({ prompt: "Once upon a time", stream: true }),
      });
      const text = await response.text();
      if (text.endsWith("data: [DONE]\n\n")) answers.whole += 1;
      else answers.cut.push(`${name} ended after ${JSON.stringify(text.slice(-40))}`);
    } catch (error) {
      answers.cut.push(`${name} broke off: ${error instanceof Error ? (error.cause ?? error) : error}`);
      await sleep(1000);
    }
  }
}

/** What the agent's own processes hold: itself, and its children that serve no model. */
interface Holding {
  readonly bytes: number;
  readonly descriptors: number;
}

async function holding(agent: AgentProcess, site: Site): Promise<Holding> {
  const { pid = 0 } = agent.child;
  const servers = new Set(await loggingTo(site));
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const own = [pid, ...children.split(" ").filter(Boolean).map(Number)].filter((each) => !servers.has(each));
  const each = await Promise.all(
    own.map(async (process) => {
      const status = await readFile(`/proc/${process}/status`, "utf8").catch(() => "");
      const descriptors = await readdir(`/proc/${process}/fd`).catch(() => []);
      return { bytes: Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024, descriptors: descriptors.length };
    }),
  );
  return each.reduce((sum, one) => ({
    bytes: sum.bytes + one.bytes,
    descriptors: sum.descriptors + one.descriptors,
  }));
}

/** The least of several readings, a second apart: what is open or allocated for a moment is not held. */
async function leastHolding(agent: AgentProcess, site: Site): Promise<Holding> {
  let least: Holding = { bytes: Number.POSITIVE_INFINITY, descriptors: Number.POSITIVE_INFINITY };
  for (let reading = 0; reading < READINGS; reading += 1) {
    const now = await holding(agent, site);
    least = {
      bytes: Math.min(least.bytes, now.bytes),
      descriptors: Math.min(least.descriptors, now.descriptors),
    };
    await sleep(1000);
  }
  return least;
}

interface Changes {
  /** The next one. Fails if the agent does not follow it. */
  readonly next: () => Promise<void>;
  /** In MiB, by name: what the manifests say now. */
  readonly budgets: ReadonlyMap<string, number>;
  /** How often a model was added, became Ready and was removed again. */
  readonly added: () => number;
}

/** Changes of the folder that restart nobody, for ever. */
function changes(site: Site, ports: ReadonlyMap<string, number>, observer: Observer): Changes {
  const budgets = new Map(NAMES.map((name) => [name, BUDGET_MIB]));
  let [turn, added] = [0, 0];
  const fileOf = (name: string) => join(site.manifests, `${name}.yaml`);
  const write = async (name: string) => {
    const budgetMib = budgets.get(name) ?? BUDGET_MIB;
    observer.budget(`default/${name}`, budgetMib * MIB);
    const port = ports.get(name) ?? 0;
    await writeManifests(site, name, { port, budget: `${budgetMib}Mi`, contextSize: CONTEXT_SIZE });
  };
  const broken = join(site.manifests, "broken.yaml");
  const kinds: readonly ((name: string) => Promise<unknown>)[] = [
    write,
    (name) => utimes(fileOf(name), new Date(), new Date()),
    async (name) => {
      const text = await readFile(fileOf(name), "utf8");
      await writeFile(fileOf(name), text.slice(0, text.length / 2));
      await sleep(1000);
      await writeFile(fileOf(name), text);
    },
    () => writeFile(broken, "kind: [unclosed"),
    () => write("u"),
    async (name) => {
      const raised = (budgets.get(name) ?? BUDGET_MIB) + RAISE_MIB;
      budgets.set(name, raised);
      await write(name);
      await workloadOnce(site, name, ({ budget }) => budget?.bytes === raised * MIB);
    },
    () => rm(broken),
    () => workloadOnce(site, "u", ({ state }) => state === "Ready"),
    async () => {
      await rm(fileOf("u"));
      await statusOnce(site, ({ workloads }) => workloads.every(({ name }) => name !== "default/u"));
      added += 1;
    },
  ];
  const next = async () => {
    await kinds[turn % kinds.length]?.(NAMES[(turn * 7) % NAMES.length] ?? "a");
    turn += 1;
  };
  return { next, budgets, added: () => added };
}

/** A server whose budget was raised may grow past the budget and the kernel's limit that it was started with. */
async function assertUsesRaisedBudget(site: Site, { order }: OrderedStandIn, budgets: Changes["budgets"]) {
  const [name] = [...budgets].find(([, mib]) => mib > BUDGET_MIB) ?? [];
  assert(name !== undefined, "no budget was raised");
  const before = await workloadOnce(site, name, () => true);
  const toMib = BUDGET_MIB + (RAISE_MIB * 2) / 3;
  assert.ok(toMib * MIB > kernelLimitBytes(BUDGET_MIB * MIB));
  await order(`default/${name}`, { grow: { toMib, mibPerSecond: 60 } });
  await workloadOnce(site, name, ({ measuredBytes = 0 }) => measuredBytes >= toMib * MIB);
  // Three samples: two over its budget would end it.
  await sleep(3000);
  const after = await workloadOnce(site, name, () => true);
  assert.deepEqual([after.state, after.pid], ["Ready", before.pid]);
}

const REPEATED = 6;
const REPEATED_WITHIN_MS = 10_000;

/** Lines of the JSON log that came again and again within seconds, numbers aside. */
function repeatedLines(log: string): readonly string[] {
  const times = new Map<string, number[]>();
  for (const line of log.split("\n").filter((text) => text.startsWith("{"))) {
    const { time, ...said } = JSON.parse(line) as { readonly time: string | number };
    const text = JSON.stringify(said).replace(/\d+/g, "#");
    times.set(text, [...(times.get(text) ?? []), new Date(time).getTime()]);
  }
  const often = (at: readonly number[]) =>
    at.some((time, index) => (at[index + REPEATED - 1] ?? Number.POSITIVE_INFINITY) - time < REPEATED_WITHIN_MS);
  return [...times].flatMap(([text, at]) => (often(at) ? [`${at.length} times: ${text}`] : []));
}

/** Real agent, processes, files and connections; stand-ins for llama-server that stream. */
describe(`the agent with ${NAMES.length} servers whose clients stream for ${SECONDS} s while its folder changes`, function () {
  this.timeout((SECONDS + 240) * 1000);
  let agent: AgentProcess | undefined;
  let observer: Observer | undefined;
  let site: Site | undefined;
  afterEach(async () => {
    await observer?.close();
    if (agent !== undefined) await stopped(agent, "SIGKILL");
    if (site !== undefined) await killServers(site);
  });

  it("cuts no answer, replaces no server, gains neither descriptors nor memory, and repeats no line of its log", async () => {
    const standIn = await orderedStandIn();
    site = { ...(await newSite()), llamaServer: standIn.path };
    agent = startAgentWith(site, { flags: ["--json"], program: SHIPPED });
    const { allocatableBytes } = (await statusOnce(site, () => true)).agent;
    observer = await openObserver(allocatableBytes, site.state);
    const ports = new Map<string, number>();
    for (const name of [...NAMES, "u"]) ports.set(name, await getPort());
    for (const name of NAMES) {
      observer.budget(`default/${name}`, BUDGET_MIB * MIB);
      const port = ports.get(name) ?? 0;
      await writeManifests(site, name, { port, budget: `${BUDGET_MIB}Mi`, contextSize: CONTEXT_SIZE });
    }
    const ready = await statusOnce(
      site,
      ({ workloads }) => workloads.length === NAMES.length && workloads.every(({ state }) => state === "Ready"),
      180_000,
    );
    const pidsOf = (status: typeof ready) =>
      status.workloads.filter(({ name }) => name !== "default/u").map(({ name, pid }) => `${name} ${pid}`);

    const [stop, answers] = [new AbortController(), { whole: 0, cut: [] } satisfies Answers as Answers];
    const clients = NAMES.map((name) => streamWithoutPause(name, ports.get(name) ?? 0, answers, stop.signal));
    const { next, budgets, added } = changes(site, ports, observer);
    const changing = (async () => {
      while (!stop.signal.aborted) {
        await next();
        await sleep(1000);
      }
    })();
    // Awaited at the end.
    changing.catch(() => {});
    const began = performance.now();
    const progress = setInterval(() => {
      const seconds = Math.round((performance.now() - began) / 1000);
      console.log(`      ${seconds} s: ${answers.whole} answers came to their end, ${answers.cut.length} did not`);
    }, 10_000);

    await sleep(WARM_UP_SECONDS * 1000);
    const before = await leastHolding(agent, site);
    await sleep(Math.max(0, SECONDS - WARM_UP_SECONDS - 2 * READINGS) * 1000);
    const after = await leastHolding(agent, site);
    clearInterval(progress);
    stop.abort();
    await Promise.all([...clients, changing]);

    const [gained, descriptors] = [after.bytes - before.bytes, after.descriptors - before.descriptors];
    console.log(
      `      the agent holds ${(after.bytes / MIB).toFixed(1)} MiB and ${after.descriptors} descriptors, gained ${(gained / MIB).toFixed(1)} MiB and ${descriptors}`,
    );
    assert.deepEqual(answers.cut, []);
    assert.ok(answers.whole >= NAMES.length * Math.floor(SECONDS / 5), `only ${answers.whole} answers came`);
    const last = await statusOnce(site, () => true);
    assert.deepEqual(pidsOf(last), pidsOf(ready));
    assert.ok(added() > 0, "no model was added, served and removed");
    const inForce = new Map(last.workloads.map(({ name, budget }) => [name, budget?.bytes]));
    for (const [name, mib] of budgets) assert.equal(inForce.get(`default/${name}`), mib * MIB, name);
    await assertUsesRaisedBudget(site, standIn, budgets);
    observer.assertNoViolation();
    assert.ok(descriptors <= 0, `${descriptors} descriptors were gained`);
    assert.ok(gained < MAY_GAIN_BYTES, `${gained} bytes were gained`);
    assert.deepEqual(repeatedLines(agent.output()), []);
    const still = await workloadOnce(site, "a", ({ state }) => state === "Ready");
    assert.equal(still.restarts, 0);
    assert.equal(await stopped(agent), 0);
    assert.deepEqual(await loggingTo(site), []);
  });
});
