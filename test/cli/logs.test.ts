import assert from "node:assert/strict";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { logPathOf } from "../../agent/state/layout.ts";
import { fileSink } from "../../agent/status/status-file.ts";
import { workloadId } from "../../agent/workload/workload-id.ts";
import { chooseWorkload } from "../../cli/logs-print.ts";
import { aStatus, aWorkloadStatus } from "../agent/http/recorded.ts";
import { inProcess } from "../support/in-process.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { startCli } from "./running.ts";

const KNOWN = ["default/chat", "default/search", "research/chat"];

describe("pulumi-llmkube logs", function () {
  this.timeout(60_000);
  let state: string;
  let log: string;

  beforeEach(async () => {
    state = await temporaryDirectory();
    await fileSink(state).publish(aStatus(KNOWN.map((name) => aWorkloadStatus(name))));
    log = logPathOf(state, workloadId("default/chat"));
    await mkdir(dirname(log));
    await writeFile(log, "one\ntwo\nthree\n");
  });

  const names = [
    ["default/chat", "default/chat"],
    ["search", "default/search"],
    ["chat", /^chat is more than one model: say default\/chat or research\/chat$/],
    ["cha", /^there is no model cha: there is default\/chat, default\/search, research\/chat$/],
    ["../../etc/passwd", /^there is no model/],
  ] as const;
  const workloads = KNOWN.map((name) => ({ id: name, name }));
  for (const [wanted, expected] of names) {
    it(`takes ${wanted} for ${expected}`, () => {
      const name = chooseWorkload(wanted, workloads);
      if (typeof expected === "string") assert.deepEqual(name, { ok: true, value: expected });
      else assert.match(name.ok ? "" : name.error, expected);
    });
  }

  it("tells two pods of one service apart by their identity", () => {
    const pods = ["uid-1", "uid-2"].map((id) => ({ id, name: "default/chat" }));
    const both = chooseWorkload("chat", pods);
    assert.match(both.ok ? "" : both.error, /^chat is more than one model: say uid-1 or uid-2$/);
    assert.deepEqual(chooseWorkload("uid-2", pods), { ok: true, value: "uid-2" });
  });

  it("prints everything, or so many lines from the end", async () => {
    assert.equal((await inProcess("logs", "default/chat", "--state", state)).stdout, "one\ntwo\nthree");
    assert.equal((await inProcess("logs", "default/chat", "--state", state, "--tail", "2")).stdout, "two\nthree");
    assert.equal((await inProcess("logs", "default/chat", "--state", state, "--tail", "0")).stdout, "");
  });

  it("says in one sentence what is wrong, with exit code 2", async () => {
    const cases = [
      [["nobody", "--state", state], /^pulumi-llmkube: there is no model nobody: there is default\/chat, .*$/],
      [["search", "--state", state], /^pulumi-llmkube: default\/search has no log: it has not been started yet$/],
      [["chat", "--state", `${state}/none`], /^pulumi-llmkube: no agent has run with the state folder .*$/],
      [["chat", "--tail", "-1"], /whole number of lines/],
    ] as const;
    for (const [args, says] of cases) {
      const { exitCode, stderr } = await inProcess("logs", ...args);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, says);
    }
  });

  it("follows across a restart of the server until Ctrl-C, and exits with 0", async () => {
    const following = startCli("logs", "default/chat", "--state", state, "--tail", "1", "-f");
    await following.printed(/^three\n$/);
    await appendFile(log, "four\n");
    await following.printed(/^three\nfour\n$/);
    await writeFile(log, "again\n");
    await following.printed(/^three\nfour\nagain\n$/);
    assert.equal(await following.interrupted(), 0);
  });

  it("ends without a word where its reader has gone", async () => {
    const following = startCli("logs", "default/chat", "--state", state, "-f");
    await following.printed(/three\n/);
    following.closeOutput();
    await appendFile(log, "four\n");
    assert.deepEqual(await following.ended(), { exitCode: 0, stderr: "" });
  });
});
