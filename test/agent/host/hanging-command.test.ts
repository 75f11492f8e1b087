import assert from "node:assert/strict";
import { outputOf } from "../../../agent/host/command.ts";

describe("a command that hangs", () => {
  it("is ended in time though it ignores SIGTERM: a llama-server that does keeps no agent from starting for ever", async () => {
    const began = Date.now();
    const hung = await outputOf("/bin/sh", ["-c", "trap '' TERM; while :; do sleep 0.1; done"], 300);
    assert.deepEqual([hung.ok, hung.ok || hung.error], [false, "/bin/sh gave no answer within 0.3 s"]);
    assert.ok(Date.now() - began < 5000);
  });
});
