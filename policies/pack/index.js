// Plain JavaScript, because a pack in TypeScript is type-checked at each start. `npm run build` makes lib/ from policies/.
import { PolicyPack } from "@pulumi/policy";
import { LlmGuard, recommended } from "./lib/index.js";

new PolicyPack("pulumi-llmkube", new LlmGuard(recommended));
