import assert from "node:assert/strict";
import { totalmem } from "node:os";
import { memoryBudgetValid } from "../../policies/index.ts";
import { analyse, UNKNOWN } from "./analyse.ts";
import { model, service } from "./manifests.ts";

const SOURCE = "hf://org/repo/model.gguf";

async function reportsOn(spec: object, config: object = {}): Promise<readonly string[]> {
  // Discrete GPUs are not memory-fits' business, so nothing is read from anywhere.
  const hardware = { accelerator: "cuda", ...("hardware" in spec ? (spec.hardware as object) : {}) };
  const reports = await analyse(model({ source: SOURCE, ...spec, hardware }), {
    config: { "memory-budget-valid": config },
  });
  return reports.filter((text) => !text.includes("has memory of its own"));
}

describe("memory-budget-valid", () => {
  it("is mandatory", () => assert.equal(memoryBudgetValid.enforcementLevel, "mandatory"));

  for (const hardware of [{ memoryBudget: "24Gi" }, { memoryFraction: 0.5 }, { memoryFraction: 1 }, {}]) {
    it(`accepts ${JSON.stringify(hardware)}`, async () => {
      assert.deepEqual(await reportsOn({ hardware }, { hostMemory: "64Gi" }), []);
    });
  }

  const refused: ReadonlyArray<readonly [hardware: object, what: string]> = [
    [
      { memoryBudget: "24GB" },
      'spec.hardware.memoryBudget is "24GB"; it must be a quantity of bytes: a number with a Kubernetes suffix, for example 24Gi',
    ],
    [{ memoryBudget: "0" }, 'spec.hardware.memoryBudget is "0"; it must be above 0, for example 24Gi'],
    [{ memoryBudget: "-8Gi" }, 'spec.hardware.memoryBudget is "-8Gi"; it must be above 0, for example 24Gi'],
    [{ memoryBudget: "1e400" }, 'spec.hardware.memoryBudget is "1e400"; it must be at most 1Ei, for example 24Gi'],
    [
      { memoryBudget: "100m" },
      'spec.hardware.memoryBudget "100m" is only 1 B; add a unit such as Mi or Gi, for example 24Gi',
    ],
    [
      { memoryBudget: "24" },
      'spec.hardware.memoryBudget "24" is only 24 B; add a unit such as Mi or Gi, for example 24Gi',
    ],
    [
      { memoryFraction: 1.5 },
      "spec.hardware.memoryFraction is 1.5; it must be a number above 0 and at most 1, for example 0.75",
    ],
    [
      { memoryFraction: Number.NaN },
      "spec.hardware.memoryFraction is NaN; it must be a number above 0 and at most 1, for example 0.75",
    ],
    [{ memoryBugdet: "24Gi" }, "spec.hardware.memoryBugdet is not a field; did you mean memoryBudget?"],
  ];
  for (const [hardware, what] of refused) {
    it(`refuses: ${what}`, async () => {
      assert.deepEqual(await reportsOn({ hardware }), [
        `memory-budget-valid: Model default/gemma: ${what.replace(/[^?]$/, "$&.")}`,
      ]);
    });
  }

  it("says where a budget is more than the configured host has, without refusing it", async () => {
    assert.deepEqual(await reportsOn({ hardware: { memoryBudget: "64Gi" } }, { hostMemory: "16Gi" }), [
      "memory-notes: Model default/gemma: spec.hardware.memoryBudget is more than the Mac has, so the agent will cap it:" +
        " budget 16.0 GiB (absolute from CRD), capped from 64.0 GiB by the node's physical memory.",
    ]);
  });

  it("says where a budget is more than this machine has, and how to name another", async () => {
    const [report = "", ...more] = await reportsOn({ hardware: { memoryBudget: `${2 * totalmem()}` } });
    assert.match(
      report,
      /^memory-notes: .* more than this machine has \(if models run on another one, set hostMemory\), so the agent will cap it/,
    );
    assert.deepEqual(more, []);
  });

  it("says what it cannot check yet, and checks the rest", async () => {
    const unknown = { memoryBudget: UNKNOWN };
    assert.deepEqual(await reportsOn({ hardware: unknown }), [
      "memory-notes: Model default/gemma: spec.hardware.memoryBudget is not known yet and will be checked during the update.",
    ]);
    assert.deepEqual(await reportsOn({ hardware: { memoryFraction: UNKNOWN, memoryBudget: "100m" } }), [
      'memory-budget-valid: Model default/gemma: spec.hardware.memoryBudget "100m" is only 1 B; add a unit such as Mi or Gi,' +
        " for example 24Gi.",
      "memory-notes: Model default/gemma: spec.hardware.memoryFraction is not known yet and will be checked during the update.",
    ]);
    assert.deepEqual(await reportsOn({ source: UNKNOWN, hardware: { ...unknown, memoryFraction: 2 } }), [
      "memory-budget-valid: Model default/gemma: spec.hardware.memoryFraction is 2; it must be a number above 0 and at" +
        " most 1, for example 0.75.",
    ]);
  });

  it("refuses a configuration that it does not understand", async () => {
    assert.deepEqual(await reportsOn({}, { hostMemory: "24GB" }), [
      'memory-budget-valid: The configuration of memory-budget-valid: hostMemory is "24GB"; it must be a quantity of bytes' +
        " above 0, for example 32Gi.",
    ]);
  });

  it("looks at Models only", async () => {
    const other = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "gemma" }, data: { memoryBudget: "24GB" } };
    assert.deepEqual(await analyse(other), []);
    const reports = await analyse(service({ contextSize: 1 }));
    assert.deepEqual(
      reports.filter((text) => text.startsWith("memory-budget-valid")),
      [],
    );
  });
});
