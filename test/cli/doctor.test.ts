import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Check, diagnose } from "../../cli/doctor/checks.ts";
import { doctorText } from "../../cli/doctor/run.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const byName = (checks: readonly Check[]) => new Map(checks.map((check) => [check.name, check]));

describe("pulumi-llmkube doctor", function () {
  this.timeout(120_000);
  let folder = "";
  beforeEach(async () => {
    folder = await temporaryDirectory();
  });

  it("says what to do where llama-server is missing or a folder cannot be written, and exits with 1", async () => {
    await writeFile(join(folder, "file"), "");
    const { stdout, exitCode } = await runCli(
      "doctor",
      "--llama-server",
      "/no/llama-server",
      "--models",
      join(folder, "file"),
    );
    assert.equal(exitCode, 1);
    assert.match(stdout, /^✗ {2}llama-server +\/no\/llama-server was not found\n +→ brew install llama\.cpp/m);
    assert.match(stdout, /^✗ {2}models folder .*cannot be written.*\n +→ use another folder with --models/m);
    assert.doesNotMatch(stdout, /llama-server options/);
  });

  describe("on a Mac, through stand-ins on PATH", () => {
    const path = process.env["PATH"];
    afterEach(() => {
      process.env["PATH"] = path;
    });
    const shim = async (name: string, script: string) => {
      await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, name), 0o755);
    };
    const diagnosed = async (devices: string, sysctl: string) => {
      process.env["PATH"] = `${folder}:${path}`;
      await shim(
        "llama-server",
        `case "$1" in --list-devices) echo "${devices}";; --version) echo "version: 7" >&2;; esac`,
      );
      await shim("sysctl", sysctl);
      const llamaServer = join(folder, "llama-server");
      return byName(await diagnose({ llamaServer, models: folder, state: folder, system: "darwin" }));
    };

    it("reads the working set, a raised wired limit and the pressure", async () => {
      const checks = await diagnosed(
        "  MTL0: Apple M1 (11453 MiB, 11453 MiB free)",
        'case "$2" in iogpu*) echo 12000;; *level) echo 2;; *) echo 5A1C0C0F;; esac',
      );
      assert.equal(checks.get("llama-server")?.found, "version: 7");
      assert.deepEqual([checks.get("Metal")?.state, checks.get("Metal")?.found], ["ok", "working set 11.1 GiB"]);
      assert.match(
        checks.get("memory")?.found ?? "",
        /^all models together may use \S+ GiB \((the Metal working set|.* GiB \* \d+%|.* less 4\.0 GiB kept for macOS \(--reserve\))\) by default$/,
      );
      assert.match(checks.get("wired limit")?.found ?? "", /set to 12000 MB/);
      assert.deepEqual(
        [checks.get("memory pressure")?.state, checks.get("memory pressure")?.found],
        ["warning", "warning"],
      );
      assert.match(
        checks.get("kernel memory limit")?.found ?? "",
        /^none: taskpolicy is missing; macOS 14 or later has it/,
      );
    });

    it("fails without Metal", async () => {
      const checks = await diagnosed("Available devices:", "echo 1");
      assert.equal(checks.get("Metal")?.state, "failed");
      assert.match(checks.get("Metal")?.remedy ?? "", /built for Metal/);
    });
  });

  it("puts a remedy below its check", () => {
    const text = doctorText([
      { name: "disk", state: "warning", found: "1.0 GiB free", remedy: "free space" },
      { name: "user", state: "ok", found: "not root" },
    ]);
    assert.equal(text, "!  disk  1.0 GiB free\n         → free space\n✓  user  not root");
  });
});
