import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { runSchema } from "../../proof/record.ts";
import { STEPS } from "../../proof/steps.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const MAIN = join(import.meta.dirname, "../../proof/main.ts");

/** On a Mac `npm run mac-proof` is its own test; here it is held to what it says of itself. */
describe("npm run mac-proof", function () {
  this.timeout(180_000);
  let output: string;
  beforeEach(async () => {
    output = await temporaryDirectory();
  });
  const proof = (...args: readonly string[]) => {
    // Not what a runner of CI would add: the steps that change a machine stay out of the tests.
    const env = { RUNNER_ENVIRONMENT: "" };
    return execa(process.execPath, [MAIN, "--output", output, ...args], { reject: false, stdin: "ignore", env });
  };

  it("--list: every step, what it asserts, and why it cannot run here", async () => {
    const { exitCode, stdout } = await proof("--list");
    assert.equal(exitCode, 0);
    for (const { name, asserts } of STEPS)
      assert.ok(stdout.includes(`${name}: ${asserts}`) || stdout.includes(`${name} (only reported): ${asserts}`), name);
    if (process.platform === "linux") assert.match(stdout, /cannot run here: it needs macOS/);
    assert.equal(existsSync(join(output, "proof.json")), false);
  });

  it("--only STEP: runs it, keeps its record, and proves nothing about a Mac on Linux", async () => {
    const { exitCode, stdout } = await proof("--only", "start-time", "--only", "sleep");
    assert.equal(exitCode, 0, stdout);
    const last = stdout.trim().split("\n").at(-1) ?? "";
    if (process.platform === "linux") {
      assert.equal(last, "1 steps held, 0 failed, 1 could not run here: nothing was proven about a Mac");
    }
    const run = runSchema.parse(JSON.parse(readFileSync(join(output, "proof.json"), "utf8")));
    assert.deepEqual(
      run.steps.map(({ name, verdict }) => [name, verdict]),
      [
        ["start-time", "held"],
        ["sleep", "cannot"],
      ],
    );
    for (const file of run.steps.flatMap(({ artefacts }) => artefacts)) assert.ok(existsSync(join(output, file)), file);
  });

  it("--json: the record alone on standard output", async () => {
    const { stdout, stderr } = await proof("--json", "--only", "server-answers");
    assert.equal(runSchema.parse(JSON.parse(stdout)).steps[0]?.verdict, "held");
    assert.match(stderr, /server-answers: /);
  });

  const wrong: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [["--only", "made-up"], /there is no such step: the steps are parsers, /],
    [["--made-up"], /unknown option/],
    [["--write-docs", "/nowhere/proof.json"], /ENOENT/],
  ];
  for (const [args, said] of wrong) {
    it(`${args.join(" ")}: exit code 2`, async () => {
      const { exitCode, stderr } = await proof(...args);
      assert.equal(exitCode, 2);
      assert.match(stderr, said);
    });
  }

  it("Ctrl-C ends the agent and the server that a step began", async function () {
    // On a hosted Mac its GPU may end the server first.
    if (process.platform !== "linux") this.skip();
    const child = proof("--only", "budget-lowered");
    let servers: readonly string[] = [];
    for (let tries = 0; servers.length === 0 && tries < 300; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      servers = descendantsOf(child.pid ?? 0).filter((line) => /llama-server --model/.test(line));
    }
    assert.ok(servers.length > 0, "no server was started");
    const pids = descendantsOf(child.pid ?? 0).map((line) => Number(line.trim().split(/\s+/)[0]));
    child.kill("SIGINT");
    const { exitCode, stdout } = await child;
    assert.equal(exitCode, 130, stdout);
    for (const pid of pids) assert.equal(lives(pid), false, `pid ${pid} is left`);
  });
});

/** `pid ppid command` of every process below one. */
function descendantsOf(pid: number): readonly string[] {
  const rows = execFileSync("ps", ["-axo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  const below = new Set([pid]);
  const found: string[] = [];
  for (const row of rows) {
    const [own, parent] = row.trim().split(/\s+/).map(Number);
    if (own === undefined || parent === undefined || !below.has(parent)) continue;
    below.add(own);
    found.push(row);
  }
  return found;
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
