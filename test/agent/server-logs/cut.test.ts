import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cutLog, trimEarlier } from "../../../agent/server-logs/cut.ts";
import { CUT_MARK, logHead, logTail, rotateLog } from "../../../agent/server-logs/files.ts";
import { filesByStart } from "../../../agent/server-logs/starts.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const LIMITS = { maxBytes: 1000, keptBytes: 100 };

describe("a log that is cut", () => {
  let path = "";
  beforeEach(async () => {
    path = join(await temporaryDirectory(), "default_chat.log");
  });
  const textOf = (number: number) => readFile(number === 0 ? path : `${path}.${number}`, "utf8").catch(() => "none");
  const lines = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => `line ${from + index}\n`).join("");

  it("keeps its end in PATH.1, from the start of a line, and its file", async () => {
    await writeFile(path, lines(100, 200));
    const { ino } = await stat(path);
    await cutLog(path, LIMITS);
    const after = await stat(path);
    assert.deepEqual([await textOf(0), after.ino], ["", ino]);
    assert.equal(await textOf(1), `${lines(189, 200)}${CUT_MARK}`);
  });

  it("keeps a part of a line that is longer than all that is kept", async () => {
    await writeFile(path, "x".repeat(5000));
    await cutLog(path, LIMITS);
    assert.equal(await textOf(1), `${"x".repeat(100)}${CUT_MARK}`);
  });

  it("is written on by its process", async () => {
    const go = `${path}.go`;
    const script = `echo before; while [ ! -e "${go}" ]; do sleep 0.05; done; echo after`;
    const child = spawn("sh", ["-c", `exec >>"${path}"; ${script}`], { stdio: "ignore" });
    while ((await textOf(0)) !== "before\n") await sleep(10);
    await cutLog(path, LIMITS);
    await writeFile(go, "");
    await once(child, "exit");
    assert.deepEqual([await textOf(0), await textOf(1)], ["after\n", `before\n${CUT_MARK}`]);
  });

  it("leaves the logs of earlier starts where they are, however often it is cut", async () => {
    for (const start of ["one\n", "two\n"]) {
      rotateLog(path);
      await writeFile(path, start);
    }
    rotateLog(path);
    for (const part of ["a\n", "b\n", "c\n"]) {
      await appendFile(path, part);
      await cutLog(path, LIMITS);
    }
    assert.deepEqual(await Promise.all([0, 1, 2, 3].map(textOf)), ["", `c\n${CUT_MARK}`, "two\n", "one\n"]);
    rotateLog(path);
    assert.deepEqual(await Promise.all([0, 1, 2, 3].map(textOf)), ["none", "", `c\n${CUT_MARK}`, "two\n"]);
  });

  it("is emptied also where its end cannot be kept", async () => {
    await mkdir(`${path}.part`);
    await writeFile(path, lines(0, 200));
    await cutLog(path, LIMITS);
    assert.deepEqual([await textOf(0), await textOf(1)], ["", "none"]);
  });

  it("that ended too large is trimmed when it is an earlier one", async () => {
    await writeFile(path, lines(100, 200));
    rotateLog(path);
    await writeFile(path, "new\n");
    await trimEarlier(path, LIMITS);
    assert.deepEqual([await textOf(0), await textOf(1)], ["new\n", lines(189, 200)]);
  });

  describe("and its last lines", () => {
    it("go on in what was cut from it, without the mark", async () => {
      await writeFile(path, "error: Insufficient Memory\n");
      await cutLog(path, LIMITS);
      await appendFile(path, "aborted\n");
      assert.deepEqual((await filesByStart(path))[0], [`${path}.1`, path]);
      assert.equal(logTail(path), "error: Insufficient Memory\n\naborted\n");
    });

    it("are not those of an earlier start", async () => {
      await writeFile(path, "error: Insufficient Memory\n");
      rotateLog(path);
      await writeFile(path, "new\n");
      assert.deepEqual((await filesByStart(path)).slice(0, 2), [[path], [`${path}.1`]]);
      assert.equal(logTail(path), "new\n");
    });

    it("are read from its end, and its first ones from its start, whatever its size is", async () => {
      await writeFile(path, `first\n${"x".repeat(3 * 2 ** 20)}\nlast\n`);
      assert.ok(logTail(path).endsWith("x\nlast\n") && logTail(path).length === 8192);
      assert.ok(logHead(path).startsWith("first\nx") && logHead(path).length === 2 ** 20);
    });

    it("are 8 KiB at most, and none where there is no log", async () => {
      assert.equal(logTail(path), "");
      await writeFile(path, "a".repeat(6000));
      await cutLog(path, { maxBytes: 1, keptBytes: 6000 });
      await appendFile(path, "b".repeat(6000));
      const tail = logTail(path);
      assert.equal(tail, `${"a".repeat(2192)}\n${"b".repeat(6000)}`);
      await rename(path, `${path}.away`);
      await writeFile(path, "c".repeat(9000));
      assert.equal(logTail(path), "c".repeat(8192));
    });
  });
});
