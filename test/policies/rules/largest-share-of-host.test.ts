import { largestShareOfHost } from "../../../policies/rules/largest-share-of-host.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports } from "./table.ts";

const onMac = (hardware: object) => ({ hardware: { accelerator: "metal", ...hardware } });

describe("largest-share-of-host", () => {
  reports(largestShareOfHost, [
    { it: "accepts 80%", model: onMac({ memoryBudget: "38Gi" }), config: { hostMemory: "64Gi" }, reports: [] },
    {
      it: "reports more, with the part and the whole",
      model: onMac({ memoryBudget: "40Gi" }),
      config: { hostMemory: "64Gi" },
      reports: [
        "Model default/gemma: its budget of 40.0 GiB (spec.hardware.memoryBudget) is 83.3% of what the Mac gives to all its models, 48.0" +
          " GiB (64.0 GiB * 75%). One model may take at most 80% (share in the configuration of largest-share-of-host).\nWhat would fit: a" +
          " memoryBudget of at most 39321Mi (38.3 GiB).",
      ],
    },
    {
      it: "reports a fraction in its own unit",
      model: onMac({ memoryFraction: 0.5 }),
      config: { hostMemory: "64Gi", share: 0.5 },
      reports: [/is 66\.7% of what .* at most 50% .*\nWhat would fit: a memoryFraction of at most 0\.375\.$/],
    },
    {
      it: "says more than the whole Mac too, where budget-within-host does not",
      model: onMac({ memoryBudget: "60Gi" }),
      config: { hostMemory: "64Gi" },
      reports: [/is 125% of what the Mac gives to all its models/],
    },
    {
      it: "goes by the Mac with the most room",
      model: onMac({ memoryBudget: "40Gi" }),
      config: {
        hosts: [
          { name: "mini", memory: "16Gi" },
          { name: "studio", memory: "64Gi" },
        ],
      },
      reports: [
        /is 83\.3% of what studio gives to all its models, 48\.0 GiB \(64\.0 GiB \* 75%\), and a larger part of every other Mac\. One model/,
      ],
    },
    { it: "checks nothing where no host is named", model: onMac({ memoryBudget: "60Gi" }), reports: [] },
    { it: "checks nothing where no budget is set", model: onMac({}), config: { hostMemory: "8Gi" }, reports: [] },
    {
      it: "waits for a fraction that is not known yet",
      model: onMac({ memoryFraction: UNKNOWN }),
      config: { hostMemory: "8Gi" },
      reports: [
        "note: Model default/gemma: spec.hardware.memoryFraction is not known yet and will be checked during the update.",
      ],
    },
    {
      it: "refuses a share above 1",
      model: onMac({ memoryBudget: "1Gi" }),
      config: { hostMemory: "8Gi", share: 80 },
      reports: [/^The configuration of largest-share-of-host: share is 80; it must be a number above 0 and at most 1/],
    },
  ]);
});
