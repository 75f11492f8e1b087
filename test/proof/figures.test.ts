import assert from "node:assert/strict";
import { buffersIn, metalShare, modelBuffers, modelMebibytes, ownShare } from "../../proof/buffers.ts";
import { withLoadMode } from "../../proof/steps/estimate.ts";
import { agree } from "../../proof/steps/footprint.ts";
import { parseVmmap } from "../../proof/vmmap.ts";

const MIB = 2 ** 20;

/** As llama.cpp's sources format it. */
const METAL_LOG = `0.01 I load_tensors:  MTL0_Mapped model buffer size =   235.10 MiB
0.01 I load_tensors:   CPU_Mapped model buffer size =   170.00 MiB
0.02 I llama_kv_cache:       MTL0 KV buffer size =    15.00 MiB
0.03 I llama_context:        CPU  output buffer size =     1.00 MiB
0.03 I sched_reserve:       MTL0 compute buffer size =    98.25 MiB
0.03 I sched_reserve:        CPU compute buffer size =     5.01 MiB
0.04 I srv: a client asked for "compute buffer size"
`;

describe("what the proof compares", () => {
  it("the buffers that llama.cpp names, and which of them are Metal's", () => {
    const buffers = buffersIn(METAL_LOG);
    assert.deepEqual(buffers.at(0), { device: "MTL0_Mapped", use: "model", mebibytes: 235.1 });
    assert.equal(buffers.length, 6);
    assert.equal(metalShare(buffers), 348.35);
    assert.equal(metalShare(buffersIn(METAL_LOG.replaceAll("MTL0", "Metal"))), 348.35);
    assert.equal(metalShare(buffersIn("")), 0);
    assert.equal(modelMebibytes(buffers).toFixed(1), "405.1");
    assert.equal(modelBuffers(buffers), "MTL0_Mapped 235.1 MiB, CPU_Mapped 170.0 MiB");
    assert.equal(modelBuffers([]), "are not in the log");
  });

  it("the footprint in vmmap's summary, never its peak", () => {
    const summary = "Process: node [12]\nPhysical footprint:         431.4M\nPhysical footprint (peak):  902.7M\n";
    assert.equal(parseVmmap(summary), Math.round(431.4 * MIB));
    assert.equal(parseVmmap("Physical footprint:         5313K\n"), 5313 * 1024);
    assert.equal(parseVmmap("Physical footprint:         1.5G\n"), 1.5 * 2 ** 30);
    for (const other of ["", "vmmap: no permission", "Physical footprint (peak):  902.7M\n"]) {
      assert.equal(parseVmmap(other), null, other);
    }
  });

  it("what a server holds beyond its estimate: without the peak that is over, and without what is mapped", () => {
    const estimate = { totalBytes: 1000, parts: { weights: 600, kv: 100, process: 200, loading: 100 } };
    assert.equal(ownShare(950, estimate, "none"), 50);
    assert.equal(ownShare(350, estimate, "mmap"), 50);
    assert.equal(ownShare(800, { totalBytes: 900, parts: { weights: 700, process: 200 } }, "none"), -100);
  });

  it("figures agree within 2 % and 4 MiB", () => {
    assert.ok(agree([100 * MIB, 104 * MIB, 106 * MIB]));
    assert.ok(!agree([100 * MIB, 107 * MIB]));
    assert.ok(!agree([1000 * MIB, 1026 * MIB]));
  });

  it("a server with the load mode that is wanted, whatever the build calls it", () => {
    assert.deepEqual(withLoadMode(["--a", "--load-mode", "none", "--b"], "mmap"), [
      "--a",
      "--load-mode",
      "mmap",
      "--b",
    ]);
    assert.deepEqual(withLoadMode(["--a", "--no-mmap", "--b"], "mmap"), ["--a", "--b"]);
    assert.deepEqual(withLoadMode(["--a", "--no-mmap", "--b"], "none"), ["--a", "--no-mmap", "--b"]);
  });
});
