import assert from "node:assert/strict";
import { readdir, readFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { entryName } from "../../toolchain/cache.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { MADE_UP_RECIPE } from "./made-up-tool.ts";

const BUILD_STARTS_WITHIN_MS = 30_000;

/** Longer than any test may last. */
const FOREVER_S = 150;

/** One process that ensures the made-up tool, whose build lasts for so many seconds. */
function ensuring(cache: string, builds: string, seconds: number) {
  const script = join(import.meta.dirname, "slow-build.ts");
  return execa(process.execPath, [script, cache, builds, String(seconds)], { reject: false });
}

/** Process ids that builds have noted, once there are so many. */
async function grandchildren(builds: string, count: number): Promise<number[]> {
  for (const start = Date.now(); Date.now() - start < BUILD_STARTS_WITHIN_MS; await sleep(20)) {
    const lines = (await readFile(builds, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
    if (lines.length >= count) return lines.map(Number);
  }
  throw new Error(`${count} builds did not start within ${BUILD_STARTS_WITHIN_MS} ms`);
}

/** A process that has ended may stay as a zombie where nobody reaps it; `ps` marks that with a Z. */
async function alive(pid: number): Promise<boolean> {
  const { stdout } = await execa("ps", ["-o", "stat=", "-p", String(pid)], { reject: false });
  return stdout !== "" && !stdout.startsWith("Z");
}

describe("toolchain: parallel runs and interrupts", function () {
  this.timeout(120_000);

  it("builds once for two processes, and the second says that it waits", async () => {
    const cache = await temporaryDirectory();
    const builds = join(await temporaryDirectory(), "builds");
    const [one, two] = await Promise.all([ensuring(cache, builds, 3), ensuring(cache, builds, 3)]);
    const entry = await entryName(MADE_UP_RECIPE);
    assert.equal(one.stdout, join(cache, entry, "bin", "made-up"), one.stderr);
    assert.equal(two.stdout, one.stdout, two.stderr);
    assert.equal((await grandchildren(builds, 1)).length, 1);
    assert.match(one.stderr + two.stderr, /made-up: waiting for another process that is building it/);
    assert.deepEqual(await readdir(cache), [entry]);
  });

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`leaves neither an entry nor a process when it is stopped by ${signal}`, async () => {
      const cache = await temporaryDirectory();
      const builds = join(await temporaryDirectory(), "builds");
      const process = ensuring(cache, builds, FOREVER_S);
      const [compiler = 0] = await grandchildren(builds, 1);
      process.kill(signal);
      const { exitCode, stderr } = await process;
      assert.equal(exitCode, 1);
      assert.match(stderr, new RegExp(`The build was stopped by ${signal}\\.$`));
      assert.equal(await alive(compiler), false, `process ${compiler} of the build is still there`);
      assert.deepEqual(
        (await readdir(cache)).filter((name) => !name.endsWith(".log")),
        [],
      );
    });
  }

  it("sweeps what a killed process left, and builds", async () => {
    const cache = await temporaryDirectory();
    const builds = join(await temporaryDirectory(), "builds");
    const killed = ensuring(cache, builds, FOREVER_S);
    const [orphan = 0] = await grandchildren(builds, 1);
    killed.kill("SIGKILL");
    await killed;
    process.kill(orphan);
    const entry = await entryName(MADE_UP_RECIPE);
    const before = await readdir(cache);
    assert.ok(
      before.some((name) => name.startsWith(`${entry}.building-`)),
      before.join(" "),
    );
    const longAgo = new Date(Date.now() - 3_600_000);
    await utimes(join(cache, `${entry}.lock`), longAgo, longAgo);
    const { stdout, stderr } = await ensuring(cache, builds, 0);
    assert.equal(stdout, join(cache, entry, "bin", "made-up"), stderr);
    assert.deepEqual(await readdir(cache), [entry]);
  });
});
