// A thin pack: the policies are those of ../../pack, so it is used where it lies and not published by itself.
import { PolicyPack } from "@pulumi/policy";
import { advisory, LlmGuard } from "../../pack/lib/index.js";

new PolicyPack("pulumi-llmkube-advisory", new LlmGuard(advisory));
