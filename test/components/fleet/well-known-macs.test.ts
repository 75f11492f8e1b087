import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { GiB } from "../../../api/bytes.ts";
import { parseQuantity } from "../../../api/quantity.ts";
import { hosts, LlmNode } from "../../../components/index.ts";
import { leastWorkingSetBytes } from "../../../memory/allocatable.ts";
import { registered } from "../mocked.ts";

function bytesOf(quantity: string): number {
  const bytes = parseQuantity(quantity);
  assert.ok(bytes.ok, quantity);
  return Number(bytes.value);
}

describe("well-known Macs", () => {
  // Recorded with two decimals of a MB, so up to 5 kB below.
  const ROUNDING = 5000;

  for (const [name, { memory, workingSet }] of Object.entries(hosts)) {
    it(`${name} has the memory of its name, and a working set within it`, () => {
      assert.match(name, new RegExp(`^[a-z].*\\D${memory.replace("Gi", "")}$`));
      const [ram, recommended] = [bytesOf(memory), bytesOf(workingSet)];
      assert.ok(recommended < ram);
      assert.ok(recommended >= leastWorkingSetBytes(ram) - ROUNDING, `${workingSet} of ${memory}`);
    });
  }

  const allocatable = [
    ["macMiniM4_16", undefined, 11_453_250_000],
    ["macStudioM4Max128", undefined, 96 * GiB],
    ["macStudioM4Max128", 0.95, 115_448_730_000],
    ["macStudioM3Ultra512", 0.9, Math.trunc(512 * GiB * 0.9)],
  ] as const;
  for (const [name, memoryFraction, bytes] of allocatable) {
    it(`${name} lets its models use ${bytes} bytes with a fraction of ${memoryFraction ?? "its own"}`, async () => {
      const fraction = memoryFraction === undefined ? {} : { memoryFraction };
      const { outputs } = await registered(() =>
        pulumi.output(new LlmNode("mac-1", { ...hosts[name], ...fraction }).allocatable),
      );
      assert.equal(outputs, `${bytes}`);
    });
  }
});
