import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { temporaryDirectory } from "../support/workspace.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const ROOT = pathToFileURL(CHECKOUT).href;
const HOOK = pathToFileURL(join(CHECKOUT, "test/support/list-modules.ts")).href;

/** Every program pays for what its import loads, at each preview. */
describe("what a Pulumi program loads", function () {
  this.timeout(60_000);

  /** Files of this checkout and packages of others that an import loads; of the packages that the SDK loads, nothing. */
  async function loadedBy(entry: string): Promise<{ readonly files: string[]; readonly packages: string[] }> {
    const load = async (specifier: string) => {
      const list = join(await temporaryDirectory(), "modules");
      await execa(process.execPath, ["--import", HOOK, "--eval", `await import(${JSON.stringify(specifier)})`], {
        cwd: CHECKOUT,
        env: { LIST_MODULES: list },
      });
      return (await readFile(list, "utf8")).split("\n");
    };
    const [urls, theirs] = await Promise.all([load(`${ROOT}/${entry}`), load("@pulumi/kubernetes")]);
    const packages = urls
      .filter((url) => !theirs.includes(url))
      .flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []);
    const files = urls.filter((url) => url.startsWith(`${ROOT}/`) && !url.includes("/node_modules/"));
    return { files: files.map((url) => url.slice(ROOT.length + 1)), packages: [...new Set(packages)].sort() };
  }

  const FORBIDDEN =
    /^(?:agent|controller|kube|cli)\/|^fetch\/(?!locate|address-problem|refusal|retry-after)|^gguf\/(?!header|tensor-types)/;

  it("of the components: no agent, no controller, no client of Kubernetes or HTTP, no reader of headers", async () => {
    const { files, packages } = await loadedBy("components/index.ts");
    assert.ok(
      files.includes("components/fleet/llm-node.ts") && files.includes("components/estimate/estimate-memory.ts"),
    );
    assert.deepEqual(
      files.filter((file) => FORBIDDEN.test(file)),
      [],
    );
    assert.deepEqual(packages, ["@pulumi/kubernetes", "fastest-levenshtein", "pretty-bytes", "zod"]);
  });
});
