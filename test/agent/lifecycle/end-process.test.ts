import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { THREADS } from "../../../agent/lifecycle/thread-pool.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const LIFECYCLE = join(import.meta.dirname, "../../../agent/lifecycle");

/** A pipe that nobody writes to stands for a disk that hangs: opening it occupies a thread of the pool for ever. */
describe("the end of a process with file operations that hang", function () {
  this.timeout(30_000);
  let folder: string;

  beforeEach(async () => {
    folder = await temporaryDirectory();
    await execa("mkfifo", [join(folder, "pipe")]);
  });

  const run = async (program: string) => {
    const imports = `
      import { open, stat } from "node:fs/promises";
      import { endInTime, endProcess } from ${JSON.stringify(join(LIFECYCLE, "end-process.ts"))};
      import { enlargeThreadPool } from ${JSON.stringify(join(LIFECYCLE, "thread-pool.ts"))};
      const hang = () => { open(${JSON.stringify(join(folder, "pipe"))}, "r").catch(() => {}); };`;
    const path = join(folder, "program.mjs");
    await writeFile(path, `${imports}\n${program}`);
    const begun = performance.now();
    const { UV_THREADPOOL_SIZE: _, ...env } = process.env;
    const done = await execa(process.execPath, [path], {
      ...{ env, extendEnv: false, reject: false, timeout: 10_000, killSignal: "SIGKILL" },
    });
    return { ...done, seconds: (performance.now() - begun) / 1000 };
  };

  it("is kept by Node until they end: that is why it is not left to it", async () => {
    const { timedOut } = await run(`hang(); setTimeout(() => process.exit(3), 100);`);
    assert.equal(timedOut, true);
  });

  it("comes at once, with its exit code, and whoever listens for it hears of it", async () => {
    const program = `process.on("exit", (code) => console.log("heard of " + code)); hang(); setTimeout(() => endProcess(3), 100);`;
    const { exitCode, stdout, seconds } = await run(program);
    assert.deepEqual([exitCode, stdout], [3, "heard of 3"]);
    assert.ok(seconds < 5, `${seconds} s`);
  });

  it("comes within seconds for a program that has done its work", async () => {
    const { exitCode, seconds } = await run(`process.exitCode = 4; hang(); endInTime();`);
    assert.equal(exitCode, 4);
    assert.ok(seconds < 8, `${seconds} s`);
  });

  it("is not hurried where nothing hangs", async () => {
    const { exitCode, stdout } = await run(
      `endInTime(); setTimeout(async () => { await stat("/"); console.log("done"); }, 2500);`,
    );
    assert.deepEqual([exitCode, stdout], [0, "done"]);
  });

  it("leaves threads for other calls, as many as the pool was given before the first", async () => {
    const others = `for (let i = 0; i < ${THREADS - 1}; i += 1) hang(); setTimeout(async () => { await stat("/"); console.log("done"); endProcess(0); }, 200);`;
    assert.equal((await run(`enlargeThreadPool(); ${others}`)).stdout, "done");
    assert.equal((await run(others)).timedOut, true, "four are too few");
  });
});
