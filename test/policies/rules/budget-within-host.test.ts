import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { budgetWithinHost } from "../../../policies/rules/budget-within-host.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { UNKNOWN } from "../analyse.ts";
import { matches, reports, reportsOf } from "./table.ts";

const onMac = (hardware: object) => ({ hardware: { accelerator: "metal", ...hardware } });
const mac = (name: string, memory: string) => ({ name, memory });

describe("budget-within-host", () => {
  reports(budgetWithinHost, [
    {
      it: "accepts what the Mac gives to its models",
      model: onMac({ memoryBudget: "20Gi" }),
      config: { hostMemory: "32Gi" },
      reports: [],
    },
    {
      it: "refuses more, and says what would fit",
      model: onMac({ memoryBudget: "30Gi" }),
      config: { hostMemory: "32Gi" },
      reports: [
        "Model default/gemma: its budget of 30.0 GiB (spec.hardware.memoryBudget) is more than the Mac gives to all its models:" +
          " 21.3 GiB (the Metal working set).\nWhat would fit: a memoryBudget of at most 21845Mi (21.3 GiB), or a Mac with 48 GiB of memory.",
      ],
    },
    {
      it: "refuses a fraction that leaves too little to macOS",
      model: onMac({ memoryFraction: 0.95 }),
      config: { hostMemory: "64Gi" },
      reports: [
        "Model default/gemma: its budget of 60.7 GiB (spec.hardware.memoryFraction 0.95 of 64.0 GiB) is more than the Mac gives to all" +
          " its models: 48.0 GiB (64.0 GiB * 75%).\nWhat would fit: a memoryFraction of at most 0.75, or a Mac with 96 GiB of memory.",
      ],
    },
    {
      it: "names no Mac where none is large enough",
      model: onMac({ memoryBudget: "2Ti" }),
      config: { hostMemory: "512Gi" },
      reports: [/What would fit: a memoryBudget of at most 393216Mi \(384\.0 GiB\)\.$/],
    },
    {
      it: "takes the agent's fraction and reserve into account",
      model: onMac({ memoryBudget: "30Gi" }),
      config: { hostMemory: "32Gi", agentMemoryFraction: 1, reserve: "1Gi" },
      reports: [],
    },
    {
      it: "accepts what one of several Macs gives, and lets hosts go before hostMemory",
      model: onMac({ memoryBudget: "60Gi" }),
      config: { hostMemory: "8Gi", hosts: [mac("mini", "16Gi"), mac("studio", "128Gi")] },
      reports: [],
    },
    {
      it: "refuses what no Mac gives, and names the one that gives most",
      model: onMac({ memoryBudget: "100Gi" }),
      config: { hosts: [mac("mini", "16Gi"), mac("studio", "128Gi"), mac("air", "24Gi")] },
      reports: [
        "Model default/gemma: its budget of 100.0 GiB (spec.hardware.memoryBudget) is more than any of the 3 Macs gives to all its models:" +
          " at most 96.0 GiB (128.0 GiB * 75%), on studio.\nWhat would fit: a memoryBudget of at most 98304Mi (96.0 GiB), or a Mac with 192 GiB" +
          " of memory.",
      ],
    },
    {
      it: "names the only Mac",
      model: onMac({ memoryFraction: 0.9 }),
      config: { hosts: [{ ...mac("mini", "64Gi"), fraction: 0.5 }] },
      reports: [
        "Model default/gemma: its budget of 57.5 GiB (spec.hardware.memoryFraction 0.9 of 64.0 GiB) is more than mini gives to all its" +
          " models: 32.0 GiB (64.0 GiB * 50%).\nWhat would fit: a memoryFraction of at most 0.5, or a Mac with 96 GiB of memory.",
      ],
    },
    {
      it: "leaves a Mac that cannot be to fleet-placement",
      model: onMac({ memoryBudget: "100Gi" }),
      config: { hosts: [{ ...mac("mini", "16Gi"), workingSet: "20Gi" }] },
      reports: [],
    },
    { it: "checks nothing where no host is named", model: onMac({ memoryBudget: "2Ti" }), reports: [] },
    { it: "checks nothing where no budget is set", model: onMac({}), config: { hostMemory: "8Gi" }, reports: [] },
    {
      it: "leaves a budget that is none to memory-budget-valid",
      model: onMac({ memoryBudget: "24GB" }),
      config: { hostMemory: "8Gi" },
      reports: [],
    },
    {
      it: "waits for a budget that is not known yet",
      model: onMac({ memoryBudget: UNKNOWN, memoryFraction: 0.1 }),
      config: { hostMemory: "8Gi" },
      reports: [
        "note: Model default/gemma: spec.hardware.memoryBudget is not known yet and will be checked during the update.",
      ],
    },
    ...[
      {
        config: { hostMemory: "32GB" },
        fault: /hostMemory is "32GB"; it must be a quantity of bytes above 0, for example/,
      },
      { config: { hostMemory: "0" }, fault: /hostMemory is "0"; it must be a quantity of bytes above 0/ },
      {
        config: { hostMemory: "32Gi", reserve: "4" },
        fault: /reserve is "4"; it must be a quantity of bytes of at least 1Gi/,
      },
      { config: { hostMemroy: "32Gi" }, fault: /hostMemroy is not a field; did you mean hostMemory\?/ },
    ].map(({ config, fault }) => ({
      it: `refuses the configuration ${JSON.stringify(config)}`,
      model: onMac({ memoryBudget: "1Gi" }),
      config,
      reports: [fault],
    })),
  ]);

  it("knows the Macs of a hostsFile, and a Mac of which only its allocatable memory is known", async () => {
    const hostsFile = join(await temporaryDirectory(), "hosts.json");
    const hosts = [
      { name: "mini", memory: "16Gi", allocatable: "10Gi" },
      { name: "studio", allocatable: "90Gi" },
    ];
    await writeFile(hostsFile, JSON.stringify({ schemaVersion: 1, hosts }));
    const found = (hardware: object) => reportsOf(budgetWithinHost, { model: onMac(hardware), config: { hostsFile } });
    assert.deepEqual(await found({ memoryBudget: "80Gi" }), []);
    matches(await found({ memoryBudget: "91Gi" }), [
      /more than any of the 2 Macs .* at most 90\.0 GiB \(hostsFile\), on studio\./,
    ]);
    matches(await found({ memoryFraction: 0.9 }), [
      /memoryFraction 0\.9 of 16\.0 GiB\) is more than .* 10\.0 GiB \(hostsFile\)/,
    ]);
  });
});
