import assert from "node:assert/strict";
import { MiB } from "../../../api/bytes.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { estimate } from "../../../memory/estimate/estimate.ts";
import { settingsOf, syntheticHeader } from "../../support/synthetic-models.ts";
import { SYNTHETIC_SHAPES } from "../../support/synthetic-shapes.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** Compute buffers of one run, in MiB: the device's and the host's; on the CPU there is no device. */
type Row = readonly [contextSize: number, parallel: number, ubatch: number, device: number, host: number];

// What llama-server 0.6.0-dev printed for these shapes: on the CPU itself, and with a backend that stands in for Metal, made of the
// pinned rules of what Metal supports and allocates.
const CPU: Readonly<Record<string, readonly Row[]>> = {
  "jamba-mini": [
    [8192, 1, 512, 0, 216.02],
    [32768, 4, 1024, 0, 432.03],
  ],
  "granite4-h-small": [
    [8192, 1, 512, 0, 173.02],
    [32768, 4, 1024, 0, 346.04],
  ],
  "falcon-h1-7b": [
    [8192, 1, 512, 0, 110.02],
    [32768, 4, 1024, 0, 220.04],
    [8192, 1, 2048, 0, 440.1],
  ],
  "nemotron-nano-9b-v2": [
    [4096, 4, 512, 0, 177.6],
    [16384, 16, 512, 0, 314.3],
  ],
  "plamo2-8b": [
    [4096, 4, 512, 0, 145],
    [16384, 16, 512, 0, 183],
  ],
  "mamba2-2.7b": [
    [4096, 4, 512, 0, 86.9],
    [16384, 16, 512, 0, 155.2],
  ],
  "mamba-2.8b": [[16384, 16, 512, 0, 81]],
  "falcon-h1-34b": [
    [4096, 1, 512, 0, 180],
    [4096, 4, 512, 0, 227.6],
    [16384, 4, 1024, 0, 360.7],
  ],
  "falcon-h1-1.5b": [
    [4096, 1, 512, 0, 60.1],
    [4096, 4, 512, 0, 75.3],
    [16384, 4, 1024, 0, 126.4],
  ],
};
const METAL: Readonly<Record<string, readonly Row[]>> = {
  "jamba-mini": [
    [8192, 1, 512, 208.1, 40],
    [32768, 4, 1024, 416.1, 80],
    [8192, 1, 2048, 832.3, 160.1],
    [131072, 1, 512, 698.5, 160],
    [32768, 16, 1024, 504.1, 68],
  ],
  "granite4-h-small": [
    [4096, 1, 256, 82.2, 18],
    [8192, 1, 512, 168.4, 40],
    [32768, 4, 1024, 330.9, 80],
    [8192, 1, 2048, 673.8, 160.1],
    [131072, 1, 512, 698.5, 160],
  ],
  "falcon-h1-7b": [
    [4096, 1, 256, 53, 14],
    [8192, 1, 512, 110, 32],
    [32768, 4, 1024, 220, 64],
    [8192, 1, 2048, 440.1, 128.1],
    [131072, 1, 512, 302.5, 152],
  ],
  "falcon-h1-34b": [
    [4096, 1, 512, 180, 44],
    [4096, 4, 512, 228.8, 41],
    [16384, 4, 1024, 360, 88],
  ],
  "falcon-h1-1.5b": [
    [4096, 1, 512, 51.4, 20],
    [4096, 4, 512, 67.9, 17],
    [16384, 4, 1024, 127.1, 40],
  ],
};

/** Runs whose graph the estimate follows term by term, so that each term is held: within a MiB. By backend and settings. */
const FOLLOWED: Readonly<Record<string, readonly string[]>> = {
  "jamba-mini": ["metal 8192 1", "metal 32768 4", "metal 131072 1", "metal 32768 16"],
  "falcon-h1-7b": ["cpu 8192 1", "cpu 32768 4", "metal 4096 1", "metal 32768 4"],
  "falcon-h1-1.5b": ["cpu 4096 1", "cpu 4096 4", "cpu 16384 4"],
};

describe("estimate of the compute buffers of hybrid models", () => {
  for (const [backend, models] of [["cpu", CPU] as const, ["metal", METAL] as const]) {
    for (const [model, rows] of Object.entries(models)) {
      describe(`${model}, ${backend}`, () => {
        let header: GgufHeader;
        before(async () => {
          const shape = SYNTHETIC_SHAPES[model];
          assert.ok(shape !== undefined, `there is no shape ${model}`);
          header = await syntheticHeader(shape, await temporaryDirectory());
        });

        for (const [contextSize, parallel, ubatch, device, host] of rows) {
          it(`-c ${contextSize} -np ${parallel} -ub ${ubatch}`, () => {
            const run = { contextSize, parallel, ubatch, flashAttention: true };
            const found = estimate(header, { ...settingsOf(run), backend });
            assert.ok(found.ok && found.value.confidence !== "unknown", JSON.stringify(found));
            const { computeBytes } = found.value;
            const off = (computeBytes.device + computeBytes.host) / MiB - device - host;
            const isFollowed = FOLLOWED[model]?.includes(`${backend} ${contextSize} ${parallel}`);
            const allowed = isFollowed ? 1 : Math.max(24, 0.05 * (device + host));
            assert.ok(Math.abs(off) <= allowed, `${off.toFixed(1)} MiB off ${device + host} MiB`);
          });
        }
      });
    }
  }
});
