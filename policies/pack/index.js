// Plain JavaScript, because a pack in TypeScript is type-checked at each start. `npm run build` makes lib/ from policies/.
import { PolicyPack } from "@pulumi/policy";
import { memoryBudgetValid, memoryFits, memoryNotes } from "./lib/index.js";

new PolicyPack("pulumi-llmkube", {
  displayName: "Memory budgets of large language models",
  // memoryNotes last: it reports what the others noted on the same resource.
  policies: [memoryBudgetValid, memoryFits, memoryNotes],
});
