import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { execa } from "execa";
import { type Run, runSchema } from "../../proof/record.ts";
import { STEPS } from "../../proof/steps.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { M1, M4_MAX_64, M4_PRO } from "./chips.ts";
import { macWith, type Particulars } from "./mac.ts";
import { standInHomebrew } from "./stand-in-homebrew.ts";
import { playMac } from "./stand-ins.ts";

const MAIN = join(import.meta.dirname, "../../proof/main.ts");
const RECORD = join(import.meta.dirname, "../../docs/mac-proof.json");
const MOST_MS = 180_000;

/** What no stand-in can show, and where it is shown as far as it can be. */
const NOT_PLAYED: Readonly<Record<string, string>> = {
  sleep:
    "nothing here can put a machine to sleep; test/agent/sleep.real.test.ts stops agent, watchdog and server instead",
  demo: "test/mac/demo.real.test.ts plays it on the same two Macs",
  fsevents: "file events are those of Linux; test/proof/main.real.test.ts and npm run mac-proof run it there",
  "agent-stopped":
    "nothing in it is of a Mac but the meter, which the other steps use; npm run mac-proof runs it on Linux",
  "budget-lowered": "test/mac/scenarios.ts has budgets that are lowered; npm run mac-proof runs it on Linux",
  adoption: "test/mac/scenarios.ts has agents that adopt; npm run mac-proof runs it on Linux",
};

interface Case {
  readonly name: string;
  readonly mac: Particulars;
  readonly flags: readonly string[];
  readonly held: readonly string[];
  readonly cannot: readonly string[];
}

const CASES: readonly Case[] = [
  {
    name: "a base M1 that somebody works on, whose kernel has no limit",
    mac: { chip: M1, version: "14.0", taskpolicy: "no such option" },
    flags: [],
    held: ["parsers", "server-answers", "devices", "doctor", "start-time", "footprint", "taskpolicy", "projection"],
    cannot: ["launchd", "pressure"],
  },
  {
    name: "an M4 Max that is there for it, whose kernel enforces the limit",
    mac: { chip: M4_MAX_64, version: "26.2", taskpolicy: "enforced" },
    flags: ["--self-hosted"],
    held: ["taskpolicy", "jetsam-band", "projection", "estimate", "kernel-cap"],
    cannot: [],
  },
  {
    name: "an M4 Pro that is there for it, without koffi",
    mac: { chip: M4_PRO, taskpolicy: "ignored", koffi: false },
    flags: ["--self-hosted"],
    held: ["taskpolicy", "launchd", "brew-node", "privacy", "exfat", "pressure", "system-time-zone"],
    cannot: [],
  },
];

/** What a person sees of one run, and how to ask for another thing on the same Mac. */
interface Ran {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly file: string;
  readonly again: (...args: readonly string[]) => Promise<{ readonly exitCode?: number; readonly stderr: string }>;
}

async function runOf({ mac: particulars, flags, held, cannot }: Case): Promise<Ran> {
  const [mac, output] = [await playMac(macWith(particulars)), await temporaryDirectory()];
  const prefix = join(mac.folder, "stand-in-opt-homebrew");
  await standInHomebrew(prefix);
  const path = [dirname(mac.llamaServer), join(prefix, "bin"), mac.env["PATH"]].join(":");
  const env = { ...mac.env, PATH: path, RUNNER_ENVIRONMENT: "", TMPDIR: await temporaryDirectory() };
  const again = (...args: readonly string[]) =>
    execa(process.execPath, [MAIN, ...args], { reject: false, stdin: "ignore", env, timeout: MOST_MS });
  const only = [...held, ...cannot].flatMap((step) => ["--only", step]);
  const { exitCode, stdout } = await again("--output", output, ...flags, ...only);
  return { exitCode, stdout, file: join(output, "proof.json"), again };
}

describe("npm run mac-proof on a Mac that is played", function () {
  this.timeout(MOST_MS + 10_000);
  // Most of the time each of them waits for something.
  const runs = new Map<Case, Promise<Ran>>();
  before(function () {
    if (process.platform === "darwin") this.skip();
    for (const one of CASES) runs.set(one, runOf(one));
  });

  for (const one of CASES) {
    const { name, mac, held, cannot } = one;
    it(`${name}: steps hold, and prove nothing`, async () => {
      const ran = await runs.get(one);
      assert.ok(ran !== undefined && existsSync(ran.file), ran?.stdout);
      const { exitCode, stdout, file, again } = ran;
      const run: Run = runSchema.parse(JSON.parse(readFileSync(file, "utf8")));
      const verdicts = Object.fromEntries(run.steps.map((step) => [step.name, step.verdict]));
      const expected = [...held.map((step) => [step, "held"]), ...cannot.map((step) => [step, "cannot"])];
      assert.deepEqual(verdicts, Object.fromEntries(expected), stdout);
      assert.equal(exitCode, 0, stdout);
      const { chip, systemVersion, played } = run.machine;
      assert.deepEqual([chip, systemVersion, played], [macWith(mac).chip.name, macWith(mac).version, true]);
      assert.match(
        stdout.trim().split("\n").at(-1) ?? "",
        /nothing was proven about a Mac, because this one is played/,
      );

      const before = readFileSync(RECORD, "utf8");
      const written = await again("--write-docs", file);
      assert.equal(written.exitCode, 2);
      assert.match(written.stderr, /a Mac that stand-ins play proves nothing/);
      assert.equal(readFileSync(RECORD, "utf8"), before);
    });
  }

  it("holds each step on one of them, or says why not", () => {
    const tried = [...CASES.flatMap(({ held }) => held), ...Object.keys(NOT_PLAYED)];
    assert.deepEqual(
      tried.toSorted().filter((step, index, all) => step !== all[index - 1]),
      STEPS.map((step) => step.name).toSorted(),
    );
    for (const [step, why] of Object.entries(NOT_PLAYED))
      assert.ok(!CASES.some(({ held }) => held.includes(step)) && why.length > 20);
  });
});
