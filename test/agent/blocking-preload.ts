import { closeSync, existsSync, open, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";

/**
 * Loaded into an agent by `NODE_OPTIONS=--import=...`, which its child processes inherit: only the main thread of the agent itself acts. In
 * the folder that `PULUMI_LLMKUBE_TEST_FAULTS` names
 *
 * - the file `block` blocks the main thread as long as it is there;
 * - the named pipe `hang` is opened for reading as often as there are threads that read files, all of which it holds until somebody opens
 *   it for writing.
 *
 * The file `block.begun` or `hang.begun` says that it has begun, and goes when it ends.
 */
const folder = process.env["PULUMI_LLMKUBE_TEST_FAULTS"];
if (folder !== undefined && isMainThread && process.argv[2] === "agent") obey(folder);

function obey(faults: string): void {
  const [block, hang] = [join(faults, "block"), join(faults, "hang")];
  const cell = new Int32Array(new SharedArrayBuffer(4));
  let hanging = false;
  setInterval(() => {
    if (existsSync(hang) && !hanging) {
      hanging = true;
      const released = (error: Error | null, fd: number) => {
        if (error === null) closeSync(fd);
        hanging = false;
        rmSync(`${hang}.begun`, { force: true });
      };
      const threads = Number(process.env["UV_THREADPOOL_SIZE"] ?? 4);
      for (let each = 0; each < threads; each += 1) open(hang, "r", released);
      writeFileSync(`${hang}.begun`, String(threads));
    }
    if (!existsSync(block)) return;
    writeFileSync(`${block}.begun`, "");
    while (existsSync(block)) Atomics.wait(cell, 0, 0, 20);
    rmSync(`${block}.begun`, { force: true });
  }, 20).unref();
}
