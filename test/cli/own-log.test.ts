import assert from "node:assert/strict";
import { closeSync, existsSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { keepOwnLog } from "../../cli/own-log.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const LIMITS = { maxBytes: 1000, keptBytes: 200 };

describe("the log of an agent that launchd runs", () => {
  let path: string;
  let output: number;
  const said: string[] = [];
  beforeEach(async () => {
    path = join(await temporaryDirectory(), "agent.log");
    output = openSync(path, "a");
    said.length = 0;
  });
  afterEach(() => closeSync(output));
  const kept = async (file: string | undefined, stdout: number) => {
    const end = keepOwnLog(file, (message) => said.push(message), LIMITS, stdout);
    await sleep(100);
    end();
  };

  it("is cut at the start where it is too large, keeps its end beside it, and is written on", async () => {
    writeSync(output, "a line of the log\n".repeat(100));
    await kept(path, output);
    writeSync(output, "the next line\n");
    assert.equal(readFileSync(path, "utf8"), "the next line\n");
    assert.ok(statSync(`${path}.1`).size < 400);
    assert.deepEqual(said, []);
  });

  it("is left alone where it is small, or is not what this process prints to", async () => {
    writeSync(output, "small\n");
    await kept(path, output);
    const other = `${path}.other`;
    writeFileSync(other, "x".repeat(5000));
    await kept(other, output);
    await kept(undefined, output);
    assert.deepEqual([statSync(path).size, statSync(other).size, existsSync(`${path}.1`)], [6, 5000, false]);
  });

  it("is a warning, once, where it cannot be kept small", async () => {
    await kept(join(path, "below"), output);
    assert.equal(said.length, 1);
    assert.match(said.join(), /cannot be kept small: ENOTDIR/);
  });
});
