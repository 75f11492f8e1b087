import assert from "node:assert/strict";
import { join } from "node:path";
import type { Check } from "../../cli/doctor/check.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";

describe("pulumi-llmkube doctor, with the real llama-server", function () {
  this.timeout(120_000);

  it("finds everything well with the real llama-server, and prints it as JSON too", async () => {
    const folder = await temporaryDirectory();
    const llamaServer = await ensureTool("llama-server", () => {});
    const folders = ["--models", join(folder, "m"), "--state", join(folder, "s"), "--claims", join(folder, "c")];
    const flags = ["--llama-server", llamaServer, ...folders, "--model", await ensureTool("gemma3-270m", () => {})];
    const { stdout, exitCode } = await runCli("doctor", ...flags, "--json");
    assert.equal(exitCode, 0);
    const checks: readonly Check[] = JSON.parse(stdout);
    assert.deepEqual(
      checks.filter(({ state }) => state === "failed"),
      [],
    );
    const found = (name: string) => checks.find((check) => check.name === name)?.found;
    assert.match(found("llama-server build") ?? "", /^version: /);
    assert.match(found("projection") ?? "", / MiB for gemma.*, read after \d+\.\d s, before the weights/);
    assert.equal(found("models folder"), join(folder, "m"));
    const text = await runCli("doctor", ...flags);
    assert.match(text.stdout, /^✓ {2}llama-server build +version: /m);
    if (process.platform !== "darwin") assert.match(text.stdout, /^- {2}Metal +not a Mac/m);
  });
});
