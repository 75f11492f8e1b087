import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { ARGUMENT } from "../../../agent/watchdog/protocol.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const HOOK = pathToFileURL(join(import.meta.dirname, "../../support/list-modules.ts")).href;
const ROOT = pathToFileURL(join(import.meta.dirname, "../../..")).href;
const PROGRAM = join(import.meta.dirname, "../../../agent/watchdog/main.ts");

/** All of it. Each module costs memory in a second process, and may do at its import what blocks. */
describe("what the watchdog's process loads", function () {
  this.timeout(30_000);

  it("nothing that reads manifests, downloads, answers, logs or checks schemas", async () => {
    const folder = await temporaryDirectory();
    const list = join(folder, "modules");
    // Without a pipe to an agent, and with nothing to hold, it ends at once.
    await execa(process.execPath, ["--import", HOOK, PROGRAM, ARGUMENT, "1", folder], { env: { LIST_MODULES: list } });
    const urls = (await readFile(list, "utf8")).split("\n");
    const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
    assert.deepEqual([...new Set(packages)].sort(), ["pretty-bytes", "signal-exit", "write-file-atomic"]);
    const own = urls.filter((url) => url.startsWith(`${ROOT}/`) && !/node_modules|\/test\//.test(url));
    const folders = own.map((url) => url.slice(ROOT.length + 1).replace(/\/[^/]+$/, ""));
    assert.deepEqual([...new Set(folders)].sort(), [
      "agent/decisions",
      "agent/host",
      "agent/host/darwin",
      "agent/host/linux",
      "agent/lifecycle",
      "agent/server-logs",
      "agent/state",
      "agent/status",
      "agent/watchdog",
      "agent/workload",
      "api",
      "memory",
    ]);
    assert.ok(own.length < 40, own.join(" "));
    const builtIn = urls.filter((url) => url.startsWith("node:"));
    assert.deepEqual(
      builtIn.filter((url) => /^node:(http|https|net|tls|dns|zlib|inspector)$/.test(url)),
      [],
    );
  });
});
