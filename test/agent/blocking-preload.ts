import { existsSync, open, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";

/**
 * Loaded into an agent by `NODE_OPTIONS=--import=...`, which its child processes inherit: only the main thread of the agent itself acts. In
 * the folder that `PULUMI_LLMKUBE_TEST_FAULTS` names
 *
 * - the file `block` blocks the main thread as long as it is there;
 * - the named pipe `hang` is opened for reading four times, which holds all threads that read files, until somebody opens it for writing.
 *
 * The file `block.begun` or `hang.begun` says that it has begun.
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
      for (let each = 0; each < 4; each += 1) open(hang, "r", () => (hanging = false));
      writeFileSync(`${hang}.begun`, "");
    }
    if (!existsSync(block)) return;
    writeFileSync(`${block}.begun`, "");
    while (existsSync(block)) Atomics.wait(cell, 0, 0, 20);
  }, 20).unref();
}
