import assert from "node:assert/strict";
import { exitReason } from "../../../agent/llama-server/exit-reason.ts";

describe("why a server exited", () => {
  const cases = [
    [{ code: null, signal: "SIGKILL" }, "", "Killed"],
    [{ code: null, signal: "SIGABRT" }, "boom", "Crashed"],
    [{ code: 1, signal: null }, "last words", "Exited"],
    [{ code: 1, signal: null }, "llama_model_load: error loading model: x", "LoadFailed"],
    [{ code: 1, signal: null }, "error: invalid argument: --x", "BadFlag"],
    [{ code: 1, signal: null }, "couldn't bind HTTP server socket, hostname: 127.0.0.1", "PortInUse"],
    [
      { code: null, signal: "SIGABRT" },
      "error: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)",
      "MetalOutOfMemory",
    ],
  ] as const;
  for (const [exit, log, reason] of cases) {
    it(`${exit.signal ?? exit.code} and ${JSON.stringify(log)}: ${reason}`, () => {
      assert.equal(exitReason(exit, log).reason, reason);
    });
  }

  it("shows the last log line, truncated, if the reason is unknown", () => {
    const { message } = exitReason({ code: 3, signal: null }, `first\n${"x".repeat(1000)}\n`);
    assert.equal(message, `llama-server exited (exit code 3); last log line: ${"x".repeat(200)}`);
  });
});
