import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseVmStat } from "../../agent/host/darwin/commands.ts";
import { runStep } from "../../proof/run-step.ts";
import type { Step } from "../../proof/step.ts";
import { footprint } from "../../proof/steps/footprint.ts";
import { parsers } from "../../proof/steps/parsers.ts";
import { systemTimeZone } from "../../proof/steps/start-time.ts";
import { jetsamBand } from "../../proof/steps/taskpolicy.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { MACHINE } from "./machine.ts";
import { macStandIns } from "./stand-ins.ts";

/** The steps that look at macOS, here with stand-ins for its commands: the proof must be able to fail before it is believed. */
describe("a step of the proof with stand-ins for a Mac's commands", function () {
  this.timeout(60_000);
  before(function () {
    // On a Mac it is run in earnest.
    if (process.platform !== "linux") this.skip();
  });

  const run = async (step: Step, changed: Parameters<typeof macStandIns>[1] = {}) => {
    const [folder, output] = [await temporaryDirectory(), await temporaryDirectory()];
    const none = async () => "true";
    const stage = {
      machine: MACHINE,
      mac: await macStandIns(folder, changed),
      output,
      llamaServer: none,
      weights: none,
    };
    const record = await runStep(step, { ...stage, say: () => {}, signal: new AbortController().signal });
    const failed = record.findings.filter(({ held }) => !held).map(({ what }) => what);
    return {
      record,
      stand: folder,
      failed,
      kept: (name: string) => readFileSync(join(output, step.name, name), "utf8"),
    };
  };

  it("parsers: holds, and keeps what a parser's test can read as it is", async () => {
    const { record, failed, kept } = await run(parsers);
    assert.deepEqual([record.verdict, failed], ["held", []]);
    assert.equal(parseVmStat(kept("vm_stat.txt")), 4706254848);
    assert.match(kept("wired-limit.stderr.txt"), /unknown oid/);
  });

  const broken: readonly (readonly [changed: Parameters<typeof macStandIns>[1], what: string])[] = [
    [{ vmStat: "echo changed" }, "vm_stat says what is available"],
    [{ sysctl: "echo 3" }, "sysctl names a pressure level"],
    [
      { footprint: "echo 'node [1]: 64-bit    Footprint: 5 B (16384 bytes per page)'" },
      "footprint measures this process",
    ],
    [{ lsof: "exit 1" }, "lsof finds who writes to a log"],
    [{ ps: "echo 'Do 26 Nov 10:00:00 2026'" }, "ps knows when it started, in UTC"],
    [{ fdesetup: "true" }, "the other commands answer"],
  ];
  for (const [changed, what] of broken) {
    it(`parsers: fails where ${Object.keys(changed ?? {})} prints something else`, async () => {
      const { record, failed } = await run(parsers, changed);
      assert.equal(record.verdict, "failed");
      assert.ok(failed.includes(what), failed.join(", "));
    });
  }

  it("footprint: holds while a process grows, and fails where another command sees less", async () => {
    const { record } = await run(footprint);
    assert.deepEqual([record.verdict, record.findings.length], ["held", 4]);
    const other = await run(footprint, { vmmap: "echo 'Physical footprint:         64.0M'" });
    assert.equal(other.record.verdict, "failed");
  });

  it("system-time-zone: holds, and puts back the zone that there was", async () => {
    const { record, stand } = await run(systemTimeZone);
    assert.equal(record.verdict, "held");
    const zones = readFileSync(join(stand, "zones"), "utf8").trim().split("\n");
    assert.deepEqual(zones, ["America/Los_Angeles", "Asia/Kathmandu", "Europe/Berlin"]);
    assert.equal((await run(systemTimeZone, { systemsetup: "exit 1" })).record.verdict, "failed");
  });

  it("jetsam-band: shows the priority and the limit", async () => {
    const { record } = await run(jetsamBand);
    assert.equal(record.verdict, "held");
    assert.equal(record.findings[1]?.saw, "jetsam priority = 40, jetsam memory limit (active) = 512 MB");
    assert.equal((await run(jetsamBand, { launchctl: "exit 1" })).record.verdict, "failed");
  });
});
