import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { temporaryDirectory } from "../support/workspace.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const HOOK = pathToFileURL(join(CHECKOUT, "test/support/list-modules.ts")).href;

/** Every program pays for what its import loads, at each preview. */
describe("what a Pulumi program loads", () => {
  it("is nothing of the agent, the controller or the Kubernetes client", async () => {
    const list = join(await temporaryDirectory(), "modules");
    const entry = pathToFileURL(join(CHECKOUT, "components/index.ts")).href;
    await execa(process.execPath, ["--import", HOOK, "--eval", `await import(${JSON.stringify(entry)})`], {
      cwd: CHECKOUT,
      env: { LIST_MODULES: list },
    });
    const loaded = (await readFile(list, "utf8")).split("\n");
    const ours = loaded.filter((url) => url !== "" && !url.includes("/node_modules/"));
    assert.ok(ours.some((url) => url.endsWith("/components/llm-node.ts")));
    const root = pathToFileURL(CHECKOUT).href;
    assert.deepEqual(
      ours.filter((url) => /^\/(?:agent|controller|kube|cli)\//.test(url.slice(root.length))),
      [],
    );
    assert.deepEqual(
      loaded.filter((url) => /\/node_modules\/(?:@kubernetes|undici|pino)\//.test(url)),
      [],
    );
  });
});
