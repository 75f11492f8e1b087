import assert from "node:assert/strict";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gpuFault, logSince } from "../../../agent/llama-server/gpu-fault.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("a GPU fault in a server's log", () => {
  const faults: readonly (readonly [log: string, says: RegExp])[] = [
    ["ggml_metal_graph_compute: backend is in error state from a previous command buffer failure\n", /^a GPU command/],
    ["0.01 E ggml_metal_synchronize: error: command buffer 0 failed with status 5\n", /every later one/],
    [
      "srv  x: ok\nerror: Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)\n",
      /\(OutOfMemory\).*lower contextSize/,
    ],
    ["error: Caused GPU Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang)\n", /\(Hang\), and so does/],
  ];
  for (const [log, says] of faults) it(log.trim(), () => assert.match(gpuFault(log) ?? "", says));

  const harmless = [
    "",
    "srv  log_server_r: done request: POST /v1/completions 127.0.0.1 200\n",
    'srv  operator(): got exception: {"error":{"message":"last read: backend is in error state"}}\n',
    "srv  x: prompt: 'why is the backend is in error state'\n",
    "command buffer 0 failed with status 4\n",
  ];
  for (const log of harmless) {
    it(`is none, also in what a client sent: ${JSON.stringify(log)}`, () => assert.equal(gpuFault(log), undefined));
  }

  it("is looked for in the whole lines that are new, at most 64 KiB", async () => {
    const path = join(await temporaryDirectory(), "log");
    await writeFile(path, "one\ntwo\nhal");
    const first = await logSince(path, 0);
    assert.deepEqual(first, { lines: "one\ntwo\n", end: 8 });
    await appendFile(path, "f\n");
    assert.deepEqual(await logSince(path, first.end), { lines: "half\n", end: 13 });
    assert.deepEqual(await logSince(path, 13), { lines: "", end: 13 });
    await writeFile(path, "cut\n");
    assert.deepEqual(await logSince(path, 13), { lines: "cut\n", end: 4 });
    await writeFile(path, `${"x".repeat(100)}\n`.repeat(10_000));
    const { lines, end } = await logSince(path, 0);
    assert.equal(end, 1_010_000);
    assert.ok(lines.length <= 65_536 && lines.length > 65_000 && lines.startsWith("x".repeat(100)));
    await writeFile(path, "y".repeat(100_000));
    assert.deepEqual(await logSince(path, 0), { lines: "", end: 0 });
  });
});
