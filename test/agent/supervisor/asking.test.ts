import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ALL_MS, ANSWER_MS, answerOf, askProjection } from "../../../agent/supervisor/asking.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { FITTED, tableOf } from "../llama-server/breakdown-tables.ts";

const MIB = 2 ** 20;
const TABLE = tableOf([["Host", 285, 235, 27, 23]]);

describe("a llama-server that is asked for its projection", function () {
  this.timeout(20_000);

  /** What a shell script answers that stands in for llama-server; it can name the file `said`. */
  const ask = async (script: string, clock?: () => number) => {
    const folder = await temporaryDirectory();
    await writeFile(join(folder, "said"), `starting\n${TABLE}${FITTED}`);
    let pid: number | undefined;
    const answer = await askProjection({
      file: "/bin/sh",
      args: ["-c", `cd "${folder}"; ${script}`],
      logPath: join(folder, "logs", "asked.log"),
      tables: 1,
      spawned: (process) => {
        pid = process.pid;
      },
      ...(clock && { clock }),
    });
    assert(pid !== undefined);
    return { answer, gone: isGone(pid) };
  };
  /** As fast as it is looked at, a second passes. */
  const hurried = () => {
    let now = 0;
    return () => {
      now += 1000;
      return now;
    };
  };

  it("is gone as soon as it has printed its table, whatever it would do next", async () => {
    const { answer, gone } = await ask("cat said; sleep 600");
    assert.deepEqual([answer, gone], [{ bytes: 285 * MIB }, true]);
  });

  it("is believed after a pause, where it says of nothing that follows its table what that is", async () => {
    const began = performance.now();
    const { answer, gone } = await ask(`printf '%s' '${TABLE}'; echo done; sleep 600`);
    assert.deepEqual([answer, gone], [{ bytes: 285 * MIB }, true]);
    assert.ok(performance.now() - began < ANSWER_MS);
  });

  it("is gone with all that it started", async () => {
    const { answer, gone } = await ask("cat said; sleep 600 & sleep 600");
    assert.deepEqual([answer, gone], [{ bytes: 285 * MIB }, true]);
  });

  it("is gone as soon as it says that it loads weights", async () => {
    const { answer, gone } = await ask(
      "echo 'load_tensors: loading model tensors, this can take a while...'; sleep 600",
    );
    assert.deepEqual([answer, gone], [{ bytes: null, why: "it was about to load the weights without one" }, true]);
  });

  it("gives no answer when it ends without one, and says how it ended", async () => {
    const { answer } = await ask("echo 'error: no such model'; exit 3");
    assert.deepEqual(answer, {
      bytes: null,
      why: "llama-server exited (exit code 3); last log line: no such model",
    });
  });

  it("gives the answer that it printed last before it ended", async () => {
    assert.deepEqual((await ask("cat said")).answer, { bytes: 285 * MIB });
  });

  it("has 10 s from the first line of its log on", async () => {
    const { answer, gone } = await ask("echo starting; sleep 600", hurried());
    assert.deepEqual([answer, gone], [{ bytes: null, why: "none within 10 s of its first line", late: true }, true]);
  });

  it("has 20 s in all to begin its log, for a cold library of shaders", async () => {
    const { answer, gone } = await ask("sleep 600", hurried());
    assert.deepEqual([answer, gone], [{ bytes: null, why: "it had not answered after 20 s", late: true }, true]);
  });

  it("that cannot be started is a reason, too", async () => {
    const folder = await temporaryDirectory();
    const question = { file: join(folder, "nothing"), args: [], logPath: join(folder, "asked.log"), tables: 1 };
    const { bytes } = await askProjection({ ...question, spawned: () => {} });
    assert.equal(bytes, null);
  });

  it("loses no time while the machine sleeps", async () => {
    const logPath = join(await temporaryDirectory(), "asked.log");
    await writeFile(logPath, "starting\n");
    let now = 0;
    let looks = 0;
    const clock = () => {
      looks += 1;
      if (looks === 7) writeFileSync(logPath, `starting\n${TABLE}${FITTED}`);
      now += looks < 7 ? 3_600_000 : 1;
      return now;
    };
    assert.deepEqual(await answerOf({ logPath, exit: () => undefined }, 1, clock), { bytes: 285 * MIB });
    assert.ok(now > ANSWER_MS + ALL_MS);
  });

  it("that floods its log neither hides its table nor holds anybody up", async () => {
    const { answer, gone } = await ask("cat said; while :; do echo flood; done");
    assert.deepEqual([answer, gone], [{ bytes: 285 * MIB }, true]);
  });
});

/** Whether nothing of the process group runs. */
function isGone(group: number): boolean {
  const processes = execFileSync("ps", ["-A", "-o", "pgid=,stat="], { encoding: "utf8" });
  const rows = processes.split("\n").map((line) => line.trim().split(/\s+/));
  return !rows.some(([pgid, stat = ""]) => pgid === String(group) && !stat.startsWith("Z"));
}
