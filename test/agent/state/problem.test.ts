import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { stateFolderProblem } from "../../../agent/state/problem.ts";
import { fileSink, HEARTBEAT_MS } from "../../../agent/status/status-file.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus } from "../http/recorded.ts";

describe("a state folder that cannot be written", () => {
  const cases: readonly (readonly [code: string, says: RegExp])[] = [
    ["ENAMETOOLONG", /^the path of the state folder \/s is too long: name a shorter one/],
    ["ENOSPC", /^the disk of the state folder \/s is full \(ENOSPC\): free space/],
    ["EACCES", /\(EACCES\): check its permissions/],
    ["EIO", /\(EIO\): check its disk$/],
  ];
  for (const [code, says] of cases) {
    it(`says what would help with ${code}`, () => {
      assert.match(stateFolderProblem("/s", Object.assign(new Error("no"), { code })), says);
    });
  }

  it("is made again where somebody has removed it", async () => {
    const folder = join(await temporaryDirectory(), "state");
    let now = 0;
    const { publish } = fileSink(folder, () => now);
    for (let times = 0; times < 2; times += 1) {
      await publish(aStatus([]));
      assert.deepEqual(await readdir(folder), ["status.json"]);
      await rm(folder, { recursive: true });
      now += HEARTBEAT_MS;
    }
  });
});
