import assert from "node:assert/strict";
import { appendFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { CUT_MARK } from "../../../agent/server-logs/files.ts";
import type { WorkloadStatus } from "../../../agent/status/status.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { aStatus, aWorkloadStatus } from "../http/recorded.ts";
import { ADMIN, LOGS, POD, type Served, serve } from "./serve.ts";

describe("logs through the kubelet API", () => {
  let served: Served;
  let workload: Partial<WorkloadStatus>;
  let isThere: boolean;

  beforeEach(async () => {
    workload = { pid: process.pid };
    isThere = true;
    const logPathOf = (_namespace: string, pod: string) => (isThere && pod === POD.name ? served.logPath : undefined);
    served = await serve({
      status: () => aStatus([aWorkloadStatus("team/chat", { id: POD.uid, ...workload })]),
      logPathOf,
    });
  });
  afterEach(async () => served.close());

  const logs = (query = "") => served.get(`${LOGS}?${query}`, { token: ADMIN });
  const textOf = async (query = "") => (await logs(query)).text;
  /** Reads on until it ends. */
  const follow = async (query = "follow=true") => {
    const answer = await served.open(`${LOGS}?${query}`, { token: ADMIN });
    const seen = { text: "", ended: false, broken: false };
    answer.on("data", (chunk) => (seen.text += chunk)).on("end", () => (seen.ended = true));
    answer.on("error", () => (seen.broken = true));
    return { answer, seen };
  };
  const sees = (seen: { text: string }, text: string) =>
    untilTrue(
      `there is ${text}`,
      () => seen.text,
      (whole) => whole.includes(text),
      { everyMs: 20 },
    );

  it("are those of the last start, also where the log was cut, or of the start before", async () => {
    await writeFile(`${served.logPath}.2`, "before\n");
    await writeFile(`${served.logPath}.1`, `one\n${CUT_MARK}`);
    await writeFile(served.logPath, "two\nthree\n");
    assert.equal(await textOf(), `one\n${CUT_MARK}two\nthree\n`);
    assert.equal(await textOf("tailLines=1"), "three\n");
    assert.equal(await textOf("tailLines=0"), "");
    assert.equal(await textOf("previous=true"), "before\n");
    assert.equal(await textOf("limitBytes=6"), `one\n${CUT_MARK}`.slice(0, 6));
    assert.equal(await textOf("limitBytes=1&tailLines=2"), "t");
  });

  it("are plain text, whatever names the file of a model has, also where a character comes in two pieces", async () => {
    await writeFile(served.logPath, "é \u001b]0;owned\u0007\u001b[2J\tone\r\n");
    assert.equal(await textOf(), "é \ufffd]0;owned\ufffd\ufffd[2J one\n");
    assert.equal(await textOf("limitBytes=3"), "é ");
    const { seen } = await follow("follow=true&tailLines=0");
    await appendFile(served.logPath, Buffer.from([0xc3]));
    await appendFile(served.logPath, Buffer.from([0xa9, 0x9b, 0x0d]));
    await appendFile(served.logPath, "\ntwo\n");
    await sees(seen, "é\ufffd\ntwo\n");
    workload = {};
    await untilTrue("it ends", () => seen.ended, Boolean, { everyMs: 20 });
  });

  it("do not exist before the first start, which is said", async () => {
    const { status, text } = await logs("follow=true");
    assert.deepEqual(
      [status, text],
      [400, `llama-server of pod team/${POD.name}: its server has not been started yet: it has no log\n`],
    );
    await writeFile(served.logPath, "one\n");
    assert.equal((await logs("previous=true")).status, 400);
  });

  it("since a time are all of them, none, or not to be told", async () => {
    await writeFile(served.logPath, "one\n");
    const hourAgo = new Date(Date.now() - 3_600_000);
    workload = { ...workload, startedAt: new Date(Date.now() - 1000).toISOString() };
    assert.equal(await textOf("sinceSeconds=60"), "one\n");
    workload = { ...workload, startedAt: hourAgo.toISOString() };
    const { status, text } = await logs("sinceSeconds=60");
    assert.equal(status, 400);
    assert.match(text, /have no times.*ask for the last lines instead/);
    await utimes(served.logPath, hourAgo, hourAgo);
    assert.deepEqual([(await logs("sinceSeconds=60")).status, await textOf("sinceSeconds=60")], [200, ""]);
  });

  it("go on while the server runs, through a cut and another start, and end with its last line", async () => {
    await writeFile(served.logPath, "one\ntwo\n");
    const { seen } = await follow("follow=true&tailLines=1");
    await sees(seen, "two\n");
    await appendFile(served.logPath, "three\n");
    await sees(seen, "three\n");
    await writeFile(served.logPath, "cut\n");
    await sees(seen, "cut\n");
    await rename(served.logPath, `${served.logPath}.1`);
    await writeFile(served.logPath, "another start\n");
    await sees(seen, "another start\n");
    await appendFile(served.logPath, "the last\n");
    workload = {};
    await untilTrue(
      "it ends",
      () => seen.ended,
      (ended) => ended,
      { everyMs: 20 },
    );
    assert.equal(seen.text, "two\nthree\ncut\nanother start\nthe last\n");
  });

  it("end when the pod is gone, and at the limit", async () => {
    await writeFile(served.logPath, "one\n");
    const gone = await follow();
    const limited = await follow("follow=true&limitBytes=6");
    await sees(gone.seen, "one\n");
    await appendFile(served.logPath, "two\n");
    await untilTrue(
      "the limit ends it",
      () => limited.seen.ended,
      (ended) => ended,
      { everyMs: 20 },
    );
    assert.equal(limited.seen.text, "one\ntw");
    isThere = false;
    await rm(served.logPath);
    await untilTrue(
      "it ends",
      () => gone.seen.ended,
      (ended) => ended,
      { everyMs: 20 },
    );
    assert.equal((await logs()).status, 404);
  });

  it("are read by a bounded number at a time, who leave room when they go away", async () => {
    await writeFile(served.logPath, "one\n");
    const readers = await Promise.all(Array.from({ length: 16 }, () => follow()));
    const { status, text } = await logs();
    assert.deepEqual([status, text], [429, "16 logs of this Mac are being read already: end one of them\n"]);
    assert.equal((await served.get("/metrics", { token: ADMIN })).status, 200);
    readers[0]?.answer.destroy();
    await untilTrue(
      "there is room",
      async () => (await logs()).status,
      (seen) => seen === 200,
    );
    workload = {};
    await untilTrue(
      "all end",
      () => readers.slice(1),
      (rest) => rest.every(({ seen }) => seen.ended),
    );
  });

  it("wait for a client that does not read, and hold nothing of what it does not take", async () => {
    const size = 64 * 2 ** 20;
    await writeFile(served.logPath, Buffer.alloc(size, "0123456789abcde\n"));
    const before = process.memoryUsage();
    const answer = await served.open(LOGS, { token: ADMIN });
    answer.pause();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const after = process.memoryUsage();
    assert.ok(after.external + after.arrayBuffers - before.external - before.arrayBuffers < 24 * 2 ** 20);
    assert.equal((await served.get("/healthz")).status, 200);
    let taken = 0;
    for await (const chunk of answer) taken += (chunk as Buffer).length;
    assert.equal(taken, size);
  });

  it("give a client that asks with HEAD the head alone", async () => {
    await writeFile(served.logPath, "one\n");
    const { status, text } = await served.get(LOGS, { token: ADMIN, method: "HEAD" });
    assert.deepEqual([status, text], [200, ""]);
  });
});
