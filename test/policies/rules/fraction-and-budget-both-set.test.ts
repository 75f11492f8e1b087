import { fractionAndBudgetBothSet } from "../../../policies/rules/fraction-and-budget-both-set.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports } from "./table.ts";

describe("fraction-and-budget-both-set", () => {
  reports(fractionAndBudgetBothSet, [
    { it: "accepts a budget", model: { hardware: { memoryBudget: "24Gi" } }, reports: [] },
    { it: "accepts a fraction", model: { hardware: { memoryFraction: 0.5 } }, reports: [] },
    { it: "accepts neither", model: { hardware: {} }, reports: [] },
    { it: "accepts a Model without hardware", reports: [] },
    {
      it: "takes null for absent",
      model: { hardware: { memoryBudget: "24Gi", memoryFraction: null } },
      reports: [],
    },
    {
      it: "reports both, and which one wins",
      model: { hardware: { memoryBudget: "24Gi", memoryFraction: 0.5 } },
      reports: [
        "Model default/gemma sets both spec.hardware.memoryBudget (24Gi) and spec.hardware.memoryFraction (0.5): memoryBudget" +
          " wins, and memoryFraction has no effect. Remove one of them.",
      ],
    },
    {
      it: "says that it cannot tell yet",
      model: { hardware: { memoryBudget: "24Gi", memoryFraction: UNKNOWN } },
      reports: [
        "note: Model default/gemma: spec.hardware.memoryFraction is not known yet and will be checked during the update.",
      ],
    },
  ]);
});
