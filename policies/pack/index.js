// Plain JavaScript, because a pack in TypeScript is type-checked at each start. `npm run build` makes lib/ from policies/.
import module from "node:module";

// From the second preview on, what is loaded after this line need not be compiled again. Older Node has no such cache.
module.enableCompileCache?.();
const { PolicyPack } = await import("@pulumi/policy");
const { LlmGuard, recommended } = await import("./lib/index.js");

new PolicyPack("pulumi-llmkube", new LlmGuard(recommended));
