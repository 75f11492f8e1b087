// A thin pack: the policies are those of ../../pack, so it is used where it lies and not published by itself.
import module from "node:module";

// As in ../../pack.
module.enableCompileCache?.();
const { PolicyPack } = await import("@pulumi/policy");
const { LlmGuard, recommended } = await import("../../pack/lib/index.js");

new PolicyPack("pulumi-llmkube-recommended", new LlmGuard(recommended));
