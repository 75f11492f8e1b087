import assert from "node:assert/strict";
import getPort from "get-port";
import { driftNote, projectionRefusal } from "../../../agent/decisions/projection.ts";
import { parseBreakdown } from "../../../agent/llama-server/breakdown.ts";
import {
  type AgentProcess,
  newSite,
  serversLeft,
  startAgent,
  stopped,
  workloadOnce,
  writeManifests,
} from "../harness.ts";

const MIB = 2 ** 20;
const HEAD = "I common: | memory breakdown [MiB] | total   free    self   model   context   compute    unaccounted |\n";
const METAL =
  "I common: |   - MTL0 (Apple M5)    | 18186 = 11633 + (5619 =  2368 +    2734 +     517) +         933 |\n";
const HOST = "I common: |   - Host               |                  285 =   235 +      27 +      23                |\n";
const NEXT = "I common_params_fit_impl: projected to use 285 MiB of host memory\n";

/** As llama.cpp pads it: the first column is as wide as its longest cell. */
function wideTable(chip: string): string {
  const cells = [" memory breakdown [MiB]", `   - MTL0 (${chip})`, "   - Host"];
  const width = Math.max(...cells.map(({ length }) => length)) + 1;
  const [head, device, host] = cells.map((cell) => `I common: |${cell.padEnd(width)}|`);
  return [
    `${head} total   free    self   model   context   compute    unaccounted |`,
    `${device} 18186 = 11633 + (5619 =  2368 +    2734 +     517) +         933 |`,
    `${host}                  285 =   235 +      27 +      23                |`,
    "",
  ].join("\n");
}

describe("the projection of llama-server", () => {
  const logs: readonly (readonly [what: string, log: string, mebibytes: number | undefined])[] = [
    ["a Mac's device and its host", `${HEAD}${METAL}${HOST}${NEXT}`, 5619 + 285],
    ["the host alone", `0.00.1 I srv: loading\n${HEAD}${HOST}${NEXT}`, 285],
    ...["Apple M4 Pro", "Apple M3 Ultra", "Apple Paravirtual device", "Apple M9 (rev: 2) [x]"].map(
      (chip) => [`a table as wide as ${chip}`, `${wideTable(chip)}${NEXT}`, 5619 + 285] as const,
    ),
    ["nothing yet", "0.00.1 I srv: loading\n", undefined],
    ["not every row yet", `${HEAD}${METAL}`, undefined],
    ["half a line", `${HEAD}${HOST}${NEXT.slice(0, 9)}`, undefined],
    ["rows of another form", `${HEAD}I common: |   - Host   | unknown |\n${NEXT}`, undefined],
  ];
  for (const [what, log, mebibytes] of logs) {
    it(`is read from its breakdown: ${what}`, () => {
      assert.equal(parseBreakdown(log), mebibytes === undefined ? undefined : mebibytes * MIB);
    });
  }

  const budget = { bytes: 300 * MIB, source: "crd-budget" } as const;
  for (const bytes of [undefined, null, 300 * MIB]) {
    it(`of ${bytes} bytes prevents no start`, () => {
      assert.equal(
        projectionRefusal({ specHash: "now", ...(bytes === undefined ? {} : { bytes }) }, budget),
        undefined,
      );
    });
  }

  it("over the budget is refused with both figures", () => {
    const refusal = projectionRefusal({ specHash: "now", bytes: 301 * MIB }, budget);
    assert.match(
      refusal ?? "",
      /^projected 301\.0 MiB required by llama-server, budget 300\.0 MiB \(absolute from CRD\): raise memoryBudget/,
    );
  });

  it("is compared with the estimate of the same parts", () => {
    const parts = { weights: 900 * MIB, kv: 80 * MIB, output: 20 * MIB, process: 500 * MIB, draft: 800 * MIB };
    for (const agreeing of [undefined, null, 1000 * MIB, 1050 * MIB, 950 * MIB]) {
      assert.equal(driftNote(agreeing, parts), undefined);
    }
    assert.equal(driftNote(20 * MIB, { weights: MIB }), undefined);
    for (const other of [1051 * MIB, 949 * MIB])
      assert.match(driftNote(other, parts) ?? "", /llama-server projects .*, the estimate is 1000\.0 MiB/);
  });

  describe("with a real llama-server", function () {
    this.timeout(180_000);
    let agent: AgentProcess;
    afterEach(() => stopped(agent));

    it("is asked before each start, and agrees with the estimate", async () => {
      const site = await newSite();
      await writeManifests(site, "chat", { port: await getPort() });
      agent = startAgent(site);
      await workloadOnce(
        site,
        "chat",
        ({ message }) => message === "asking llama-server how much memory it will reserve",
      );
      const ready = await workloadOnce(site, "chat", ({ state }) => state === "Ready");
      const { estimateBytes = 0, projectedBytes = 0 } = ready;
      // The estimate also counts the process and its token tables, some 55 MiB.
      const beyond = (estimateBytes - projectedBytes) / MIB;
      assert.ok(beyond > 40 && beyond < 70, `the estimate is ${beyond} MiB more than the projection`);
      await stopped(agent);
      assert.deepEqual(await serversLeft(site), []);
    });
  });
});
