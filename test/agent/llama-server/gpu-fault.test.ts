import assert from "node:assert/strict";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gpuFault, hasComputeErrors, logSince } from "../../../agent/llama-server/gpu-fault.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** As ggml-metal prints it since llama.cpp's pull request 20306; `error` is macOS's own description of it. */
const failedWith = (error: string) =>
  `0.26.672 E ggml_metal_synchronize: error: command buffer 0 failed with status 5\n0.26.673 E error: ${error}\n`;

/** What macOS says (recorded in public reports), and what a person is told. */
const FAULTS: readonly (readonly [log: string, what: RegExp, advice: RegExp])[] = [
  [
    failedWith("Insufficient Memory (00000008:kIOGPUCommandBufferCallbackErrorOutOfMemory)"),
    /^the GPU ran out of memory$/,
    /lower contextSize/,
  ],
  [
    failedWith("Caused GPU Address Fault Error (0000000b:kIOGPUCommandBufferCallbackErrorPageFault)"),
    /page fault/,
    /^update llama.cpp/,
  ],
  [failedWith("Invalid Resource (00000009:kIOGPUCommandBufferCallbackErrorInvalidResource)"), /not valid/, /^update/],
  [failedWith("Caused GPU Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang)"), /hung/, /lower uBatchSize/],
  [
    failedWith("Caused GPU Timeout Error (00000002:kIOGPUCommandBufferCallbackErrorTimeout)"),
    /longer than macOS waits/,
    /lower uBatchSize.*keeps the GPU busy/,
  ],
  [
    failedWith("Impacting Interactivity (0000000e:kIOGPUCommandBufferCallbackErrorImpactingInteractivity)"),
    /the display waited/,
    /lower uBatchSize.*update llama.cpp/,
  ],
  [
    failedWith("Discarded (victim of GPU error/recovery) (00000005:kIOGPUCommandBufferCallbackErrorInnocentVictim)"),
    /reset because of another program/,
    /did nothing wrong/,
  ],
  [
    failedWith(
      "Insufficient Permission (to submit GPU work from background) (00000006:kIOGPUCommandBufferCallbackErrorBackgroundExecutionNotPermitted)",
    ),
    /in the background/,
    /LaunchDaemon/,
  ],
  [
    failedWith(
      "Ignored (for causing prior/excessive GPU errors) (00000004:kIOAccelCommandBufferCallbackErrorSubmissionsIgnored)",
    ),
    /no more GPU work/,
    /first of them/,
  ],
  // What followed from a fault beside its cause, in either order.
  [
    failedWith(
      "Ignored (for causing prior/excessive GPU errors) (00000004:kIOGPUCommandBufferCallbackErrorSubmissionsIgnored)",
    ) + failedWith("Caused GPU Hang Error (00000003:kIOGPUCommandBufferCallbackErrorHang)"),
    /hung/,
    /uBatchSize/,
  ],
  // Builds of 2023 to 2025 printed it from another function, and the server went on.
  ["ggml_metal_graph_compute: command buffer 6 failed with status 5\n", /^a GPU command failed$/, /^update/],
  [failedWith("Internal Error (00000206:Internal Error)"), /^a GPU command failed$/, /^update/],
  [
    failedWith("Something New (0000000f:kIOGPUCommandBufferCallbackErrorNew)"),
    /^a GPU command failed \(New\)$/,
    /^update/,
  ],
  // A command that never ran is a failure to it too, and says no more.
  ["ggml_metal_synchronize: error: command buffer 1 failed with status 3\n", /^a GPU command failed$/, /^update/],
  [
    "1.0 E ggml_metal_graph_compute: backend is in error state from a previous command buffer failure - recreate the backend to recover\n",
    /^a GPU command failed$/,
    /^update/,
  ],
];

describe("a GPU fault in a server's log", () => {
  for (const [log, what, advice] of FAULTS) {
    it(log.trim(), () => {
      const fault = gpuFault(`srv  x: ok\n${log}srv  x: more\n`);
      assert.match(fault?.what ?? "", what);
      assert.match(fault?.advice ?? "", advice);
    });
  }

  it("has a sentence of its own for each cause", () => {
    const sentences = FAULTS.slice(0, 9).map(([log]) => gpuFault(log)?.what);
    assert.equal(new Set(sentences).size, 9);
  });

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

  it("takes its cause from no client either", () => {
    const log = `${failedWith("Internal Error (0000000e:Internal Error)")}srv  x: "Insufficient Memory"\n`;
    assert.match(gpuFault(log)?.what ?? "", /^a GPU command failed$/);
  });

  const errors: readonly (readonly [log: string, says: boolean])[] = [
    ["1.0 E srv  process_batc: Compute error. off = 0, n_batch = 2048, ret = -3\n", true],
    ["1.0 E decode: failed to decode, ret = -3\n", true],
    ["1.0 E process_ubatch: failed to compute graph, compute status: -1\n", true],
    ["1.0 E graph_compute: ggml_backend_sched_graph_compute_async failed with error -1\n", true],
    ["1.0 W decode: failed to decode, ret = 1\n", false],
    ["1.0 E srv  update_slots: Context size has been exceeded. off = 0, n_batch = 1, ret = 1\n", false],
    ['1.0 W srv  x: {"prompt":"Compute error."}\n', false],
  ];
  for (const [log, says] of errors) {
    it(`${says ? "comes with" : "is no"} error of a request: ${log.trim()}`, () =>
      assert.equal(hasComputeErrors(log), says));
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
