import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { workflowFindings } from "./workflows.ts";

const FOLDER = join(import.meta.dirname, "../../.github/workflows");

/** What the author of a pull request chooses. */
const EXPRESSION = "$" + "{{ github.head_ref }}";

describe("the workflows of CI", () => {
  const names = readdirSync(FOLDER);
  const text = (name: string) => readFileSync(join(FOLDER, name), "utf8");

  for (const name of names) {
    it(`${name} has no finding`, async () => assert.deepEqual(await workflowFindings(text(name), name), []));
  }

  const mutations: readonly (readonly [what: string, file: string, from: RegExp, to: string, kind: string])[] = [
    ["an expression about what is not there", "mac.yml", /matrix\.os \}\}"/, 'matrix.system }}"', "expression"],
    ["a key that is unknown", "linux.yml", /timeout-minutes/, "timeout-minuts", "syntax-check"],
    ["a runner that does not exist", "mac.yml", /macos-15/, "macos-15.9", "runner-label"],
    ["a schedule that never comes", "mac-self-hosted.yml", /17 3 \* \* 1/, "17 3 * * 9", "events"],
    ["what a stranger typed, in a script", "linux.yml", /run: \.ci\/run/, `run: echo ${EXPRESSION}`, "expression"],
    ["an action by its tag", "mac.yml", /checkout@[0-9a-f]{40}/, "checkout@v7", "pin"],
    ["a commit whose version is not said", "mac.yml", / # v7\.0\.1/, "", "pin"],
    [
      "a self-hosted runner for pull requests",
      "mac-self-hosted.yml",
      /schedule:/,
      "pull_request:\n  schedule:",
      "self-hosted",
    ],
    ["the right to write", "linux.yml", /contents: read/, "contents: write", "permissions"],
    ["no timeout", "mac.yml", / {4}timeout-minutes: \d+\n/, "", "timeout-minutes"],
    [
      "rights of one job",
      "linux.yml",
      / {4}timeout-minutes/,
      "    permissions: write-all\n    timeout-minutes",
      "permissions",
    ],
    ["no concurrency", "mac.yml", /^concurrency:$/m, "# concurrency:", "concurrency"],
  ];
  for (const [what, name, from, to, kind] of mutations) {
    it(`would be found: ${what}`, async () => {
      const mutated = text(name).replace(from, to);
      assert.notEqual(mutated, text(name));
      const found = await workflowFindings(mutated, name);
      assert.ok(
        found.some((finding) => finding.kind === kind),
        JSON.stringify(found),
      );
    });
  }

  it("run on Linux what .ci/run runs, and on each macOS the tests and then the proof", () => {
    assert.match(text("linux.yml"), /run: \.ci\/run$/m);
    for (const name of ["mac.yml", "mac-self-hosted.yml"]) {
      assert.match(text(name), /run: npm test\n.*run: npm run mac-proof.*if: \$\{\{ always\(\) \}\}/s);
    }
    assert.match(text("mac.yml"), /os: \[macos-14, macos-15, macos-26\]/);
    assert.match(text("mac.yml"), /GGML_METAL_NO_RESIDENCY: "1"/);
  });
});
