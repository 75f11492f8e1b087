import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { connectionsFor } from "../../../agent/http/limits.ts";
import { openFilesProblem } from "../../../agent/lifecycle/open-files.ts";

const MODULE = join(import.meta.dirname, "../../../agent/lifecycle/open-files.ts");

describe("how many files an agent may have open", () => {
  it("is what the system allows", () => {
    const script = `import(${JSON.stringify(MODULE)}).then(({ openFilesLimit }) => console.log(openFilesLimit()))`;
    const args = ["-c", 'ulimit -n 99; exec "$0" -e "$1"', process.execPath, script];
    assert.equal(execFileSync("/bin/sh", args, { encoding: "utf8" }).trim(), "99");
  });

  it("is a problem where it is few", () => {
    assert.match(openFilesProblem(255) ?? "", /^this agent may open only 255 files at a time/);
    assert.deepEqual([openFilesProblem(256), openFilesProblem(undefined)], [undefined, undefined]);
  });

  it("leaves clients a quarter, 64 connections at most", () => {
    const bounds = [undefined, 1_000_000, 256, 255, 40, 4].map(connectionsFor);
    assert.deepEqual(bounds, [64, 64, 64, 63, 10, 2]);
  });
});
