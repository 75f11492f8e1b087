import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CONTROLLER_PORT, DEFAULT_PORTS } from "../../api/fleet.ts";
import { CONTROLLER_LISTEN } from "../../api/listen.ts";
import { inProcess } from "../support/in-process.ts";
import { runCli } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";

describe("pulumi-llmkube controller", function () {
  this.timeout(60_000);

  const badFlags: readonly (readonly [flags: readonly string[], says: RegExp])[] = [
    [["--port-range", "80-90"], /"80-90" is no range of ports from 1024 to 65535: for example 18000-19999/],
    [["--port-range", "19000-18000"], /is no range of ports/],
    [["--workers", "0"], /whole number from 1 to 64/],
    [["--listen", "example.com:80"], /is not ADDRESS:PORT/],
    [["--log-level", "loud"], /Allowed choices are trace/],
    [["--kubeconfig", "/nowhere/kubeconfig"], /kubeconfig \/nowhere\/kubeconfig: there is no such file/],
  ];
  for (const [flags, says] of badFlags) {
    it(`refuses ${flags.join(" ")}`, async () => {
      const { exitCode, stderr } = await inProcess("controller", ...flags);
      assert.equal(exitCode, 2);
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /\n\s+at /);
    });
  }

  it("says what is wrong with a malformed kubeconfig, in a process of its own", async () => {
    const path = join(await temporaryDirectory(), "kubeconfig");
    await writeFile(path, "clusters: []\n");
    const { exitCode, stderr } = await runCli("controller", "--kubeconfig", path, "--listen", "off");
    assert.equal(exitCode, 2);
    assert.match(stderr, /^pulumi-llmkube: kubeconfig .*: it has no current-context/);
  });

  it("names in its help the ports that it takes by default", async () => {
    const { stdout } = await inProcess("controller", "--help");
    const text = stdout.replaceAll(/\s+/g, " ");
    assert.ok(text.includes(`(default: ${DEFAULT_PORTS.first}-${DEFAULT_PORTS.last})`), stdout);
    assert.ok(text.includes(`(default: 127.0.0.1:${CONTROLLER_PORT})`), stdout);
    assert.equal(CONTROLLER_LISTEN, `127.0.0.1:${CONTROLLER_PORT}`);
  });

  it("says in its help that it does not read local addresses", async () => {
    const { stdout, exitCode } = await inProcess("controller", "--help");
    assert.equal(exitCode, 0);
    assert.match(
      stdout,
      /connects to no loopback, link-local or metadata address, unless --allow-local-sources is given/,
    );
  });
});
