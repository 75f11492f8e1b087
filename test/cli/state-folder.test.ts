import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { nodeState } from "../../agent/state/default-state.ts";
import { stateFolder } from "../../cli/state-folder.ts";
import { inProcess } from "../support/in-process.ts";
import { CLI } from "../support/run-cli.ts";
import { temporaryDirectory } from "../support/workspace.ts";

describe("the state folder of an agent", function () {
  this.timeout(60_000);

  it("is found by the name of its node, and no name leads out of the folder of all agents", async () => {
    assert.equal(await stateFolder({ nodeName: "mac-1" }), nodeState("mac-1"));
    await assert.rejects(stateFolder({ nodeName: "../x" }), /"..\/x" is no name of a Node/);
    assert.equal((await inProcess("status", "--node-name", "mac-1", "--state", "/s")).exitCode, 2);
  });

  it("is that of a node, too, where no option names an agent", async () => {
    const home = await temporaryDirectory();
    const data = join(home, process.platform === "darwin" ? "Library/Application Support" : "data");
    const state = join(data, "pulumi-llmkube/agents/node-mac-1");
    await mkdir(join(state, "logs"), { recursive: true });
    await writeFile(join(state, "status.json"), "no JSON");
    const env = { HOME: home, XDG_DATA_HOME: data };
    for (const named of [[], ["--node-name", "mac-1"]]) {
      for (const command of [["status"], ["logs", "chat"], ["agent", "dump"]]) {
        const { stderr, exitCode } = await execa(process.execPath, [CLI, ...command, ...named], { env, reject: false });
        assert.equal(exitCode, 2, stderr);
        assert.ok(stderr.includes(state), stderr);
      }
    }
  });
});
