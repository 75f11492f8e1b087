import { budgetRequired } from "../../../policies/rules/budget-required.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports } from "./table.ts";

const NONE =
  "Model default/gemma has no budget, so it may use all that its Mac gives to models: 67% of its memory, or 75% on a Mac with more" +
  " than 36 GiB, unless its agent says otherwise. Set spec.hardware.memoryBudget, for example 24Gi, or spec.hardware.memoryFraction, for" +
  " example 0.5.";

describe("budget-required", () => {
  reports(budgetRequired, [
    { it: "accepts a budget", model: { hardware: { accelerator: "metal", memoryBudget: "24Gi" } }, reports: [] },
    { it: "accepts a fraction", model: { hardware: { accelerator: "metal", memoryFraction: 0.5 } }, reports: [] },
    { it: "asks a model on a Mac for one", model: { hardware: { accelerator: "metal" } }, reports: [NONE] },
    { it: "asks a model without hardware, which the CPU runs", reports: [NONE] },
    { it: "asks nothing of a GPU with memory of its own", model: { hardware: { accelerator: "cuda" } }, reports: [] },
    {
      it: "does not count a fraction where it is told so",
      model: { hardware: { accelerator: "metal", memoryFraction: 0.5 } },
      config: { fractionCounts: false },
      reports: [
        "Model default/gemma has no spec.hardware.memoryBudget. Its memoryFraction 0.5 is another amount on every Mac and does not" +
          " count (fractionCounts is false in the configuration of budget-required). Set memoryBudget, for example 24Gi.",
      ],
    },
    {
      it: "waits for a budget that is not known yet",
      model: { hardware: { accelerator: "metal", memoryBudget: UNKNOWN } },
      reports: [
        "note: Model default/gemma: spec.hardware.memoryBudget is not known yet and will be checked during the update.",
      ],
    },
    {
      it: "does not wait for a source",
      model: { source: UNKNOWN, hardware: { accelerator: "metal" } },
      reports: [NONE],
    },
    {
      it: "refuses a configuration that it does not understand",
      model: { hardware: { memoryBudget: "24Gi" } },
      config: { fractionCounts: "no" },
      reports: [/^The configuration of budget-required: fractionCounts is "no"/],
    },
  ]);
});
