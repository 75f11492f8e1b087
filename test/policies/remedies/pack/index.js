import { PolicyPack } from "@pulumi/policy";
import { LlmGuard } from "../../../../policies/index.ts";

new PolicyPack(
  "remedies",
  new LlmGuard({
    autoBudget: { level: "remediate", contextSize: 4096 },
    autoCacheType: "remediate",
    autoContext: { level: "remediate", exclude: [{ name: "kept", reason: "it is a test" }] },
  }),
);
