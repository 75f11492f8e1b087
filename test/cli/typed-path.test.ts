import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { standIn } from "../agent/stand-in.ts";
import { inProcess } from "../support/in-process.ts";
import { temporaryDirectory } from "../support/workspace.ts";

describe("a path whose tilde the shell has left, as in --state=~/state", function () {
  this.timeout(60_000);
  const { HOME } = process.env;
  let home: string;
  beforeEach(async () => {
    home = await temporaryDirectory();
    process.env["HOME"] = home;
  });
  afterEach(() => {
    process.env["HOME"] = HOME;
  });

  const named: readonly (readonly [command: readonly string[], names: readonly string[]])[] = [
    [["status", "--state=~/state"], ["state"]],
    [["logs", "chat", "--state=~/state"], ["state"]],
    [["agent", "--state=~/state", "allow", "chat"], ["state"]],
    [["agent", "dump", "--state=~/state"], ["state"]],
    [
      ["doctor", "--llama-server=~/bin/server", "--claims=~/claims"],
      ["bin/server", "claims"],
    ],
  ];
  for (const [command, names] of named) {
    it(`${command.join(" ")}: is in the home`, async () => {
      await writeFile(join(home, "claims"), "");
      const { stdout, stderr } = await inProcess(...command);
      for (const name of names) assert.ok(`${stdout}${stderr}`.includes(join(home, name)), `${stdout}${stderr}`);
      assert.ok(!`${stdout}${stderr}`.includes("~"), `${stdout}${stderr}`);
    });
  }

  it("agent: all of its paths are in the home", async () => {
    const paths = ["--manifests=~/manifests", "--models=~/models", "--claims=~/claims", "--state=~/state"];
    const llamaServer = join(home, "llama-server");
    await writeFile(llamaServer, `#!/bin/sh\n"${await standIn("well")}" "$@"; echo --api-key-file\n`);
    await chmod(llamaServer, 0o755);
    const refused = await inProcess("agent", ...paths, "--api-key-file=~/keys", `--llama-server=${llamaServer}`);
    assert.equal(refused.exitCode, 2);
    assert.ok(refused.stderr.includes(`--api-key-file ${join(home, "keys")} cannot be read`), refused.stderr);
    assert.ok(existsSync(join(home, "state")));
    const missing = await inProcess("agent", ...paths, "--llama-server=~/bin/server");
    assert.ok(missing.stderr.includes(`${join(home, "bin/server")} was not found`), missing.stderr);
  });

  it("agent install: is in the home of the user that it is for", async () => {
    const { username, homedir: its } = userInfo();
    const flags = [
      "--manifests=~/manifests",
      "--llama-server=~/bin/server",
      "install",
      "--dry-run",
      "--user",
      username,
    ];
    const { stdout, stderr } = await inProcess("agent", ...flags);
    for (const name of ["manifests", "bin/server"]) assert.ok(stdout.includes(join(its, name)), `${stdout}${stderr}`);
  });

  it("of another user, or of a folder that is called so, is left as it is", async () => {
    for (const path of ["./~/state", "~ada/state"]) {
      const { stderr } = await inProcess("status", `--state=${path}`);
      assert.ok(stderr.includes(join(process.cwd(), path)), stderr);
    }
  });
});
