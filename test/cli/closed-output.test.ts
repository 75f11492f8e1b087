import assert from "node:assert/strict";
import { execa } from "execa";
import { CLI } from "../support/run-cli.ts";

describe("pulumi-llmkube whose reader went away", () => {
  for (const args of ["--help", "estimate --help", "agent install --help", "--version", "agent uninstall --dry-run"]) {
    it(`${args} | true: prints no stack trace`, async () => {
      const { stderr } = await execa("sh", ["-c", `"${process.execPath}" "${CLI}" ${args} | true`]);
      assert.equal(stderr, "");
    });
  }
});
