import assert from "node:assert/strict";
import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { CUT_MARK } from "../../agent/server-logs/files.ts";
import { logPathFor, logPathOf } from "../../agent/state/layout.ts";
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
      if (typeof expected === "string") assert.equal(name.ok && name.value.id, expected);
      else assert.match(name.ok ? "" : name.error, expected);
    });
  }

  it("tells two pods of one service apart by their identity", () => {
    const pods = ["uid-1", "uid-2"].map((id) => ({ id, name: "default/chat" }));
    const both = chooseWorkload("chat", pods);
    assert.match(both.ok ? "" : both.error, /^chat is more than one model: say uid-1 or uid-2$/);
    const second = chooseWorkload("uid-2", pods);
    assert.equal(second.ok && second.value.id, "uid-2");
  });

  it("prints everything, or so many lines from the end", async () => {
    assert.equal((await inProcess("logs", "default/chat", "--state", state)).stdout, "one\ntwo\nthree");
    assert.equal((await inProcess("logs", "default/chat", "--state", state, "--tail", "2")).stdout, "two\nthree");
    assert.equal((await inProcess("logs", "default/chat", "--state", state, "--tail", "0")).stdout, "");
  });

  it("prints no commands for a terminal that a model's header brought into the log", async () => {
    await writeFile(log, "general.name = x\u001b]0;owned\u0007\u009b2J\u202ey é\n");
    const { stdout } = await inProcess("logs", "default/chat", "--state", state);
    assert.equal(stdout, "general.name = x\ufffd]0;owned\ufffd\ufffd2J\ufffdy é");
  });

  it("says in one sentence what is wrong, with exit code 2", async () => {
    const cases = [
      [["nobody", "--state", state], /^pulumi-llmkube: there is no model nobody: there is default\/chat, .*$/],
      [["search", "--state", state], /^pulumi-llmkube: default\/search has no log: it has not been started yet$/],
      [["chat", "--state", `${state}/none`], /^pulumi-llmkube: no agent has run with the state folder .*$/],
      [["chat", "--tail", "-1"], /whole number of lines/],
      [
        ["default/chat", "--state", state, "-p"],
        /^pulumi-llmkube: default\/chat has no earlier log: it was started once$/,
      ],
      [["default/chat", "-p", "-f"], /cannot be used with option/],
    ] as const;
    for (const [args, says] of cases) {
      const { exitCode, stderr } = await inProcess("logs", ...args);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, says);
    }
  });

  it("prints what was cut from the log of this start before it, and the start before that when asked", async () => {
    await writeFile(`${log}.1`, `zero\n${CUT_MARK}`);
    await writeFile(`${log}.2`, "of the start before\n");
    const printed = async (...flags: readonly string[]) =>
      (await inProcess("logs", "default/chat", "--state", state, ...flags)).stdout.split("\n").filter(Boolean);
    const mark = CUT_MARK.trim();
    assert.deepEqual(await printed(), ["zero", mark, "one", "two", "three"]);
    assert.deepEqual(await printed("--tail", "2"), ["two", "three"]);
    assert.deepEqual(await printed("--tail", "4"), [mark, "one", "two", "three"]);
    assert.deepEqual(await printed("-p"), ["of the start before"]);
    assert.deepEqual(await printed("-p", "--tail", "1"), ["of the start before"]);
  });

  it("prints the log of a model that the agent has stopped, or has forgotten", async () => {
    await fileSink(state).publish(aStatus([]));
    assert.equal((await inProcess("logs", "chat", "--state", state)).stdout, "one\ntwo\nthree");
    await writeFile(logPathOf(state, workloadId("uid-1")), "of a pod\n");
    assert.equal((await inProcess("logs", "uid-1", "--state", state)).stdout, "of a pod");
    await writeFile(logPathFor(state, "default_chat_projection"), "no log of a model\n");
    const { stderr } = await inProcess("logs", "nobody", "--state", state);
    assert.equal(stderr, "pulumi-llmkube: there is no model nobody: there is default/chat, uid-1");
    await rm(join(state, "status.json"));
    assert.equal((await inProcess("logs", "default/chat", "--state", state)).stdout, "one\ntwo\nthree");
  });

  it("prefers a model that there is to one that is gone", async () => {
    await writeFile(logPathOf(state, workloadId("old/search")), "of one that is gone\n");
    await writeFile(logPathOf(state, workloadId("default/search")), "searching\n");
    assert.equal((await inProcess("logs", "search", "--state", state)).stdout, "searching");
    assert.equal((await inProcess("logs", "old/search", "--state", state)).stdout, "of one that is gone");
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
