import assert from "node:assert/strict";
import { memoryFits } from "../../../policies/rules/memory-fits.ts";
import { onDemand } from "../../../policies/rules/on-demand.ts";
import { UNKNOWN } from "../analyse.ts";
import { modelFile, reports, reportsOf } from "./table.ts";

const IDLE = "llmkube.dev/idle-unload";
const NAMES = "llmkube.dev/model-aliases";
const CACHE = "llmkube.dev/prompt-cache";

describe("on-demand", () => {
  reports(onDemand, [
    { it: "accepts a service that says nothing", service: {}, reports: [] },
    {
      it: "accepts what the agent reads",
      service: {},
      annotations: { [IDLE]: "10m", [NAMES]: "gpt-4o,a:b", [CACHE]: "auto" },
      reports: [],
    },
    {
      it: "refuses an idle time that is none",
      service: {},
      annotations: { [IDLE]: "10" },
      reports: [
        `InferenceService default/gemma: metadata.annotations["${IDLE}"]: "10" is no idle time: write a duration from 1s to 24h such as 10m, or never.`,
      ],
    },
    {
      it: "refuses an alias that is none",
      service: {},
      annotations: { [NAMES]: "a b" },
      reports: [/metadata\.annotations\["llmkube\.dev\/model-aliases"\]: "a b" is no alias: .*\.$/],
    },
    {
      it: "refuses a prompt cache that is none",
      service: {},
      annotations: { [CACHE]: "2GB" },
      reports: [/metadata\.annotations\["llmkube\.dev\/prompt-cache"\]: "2GB" is no prompt cache: .*\.$/],
    },
    {
      it: "refuses an idle time of a protected service, which never sleeps",
      service: { evictionProtection: true },
      annotations: { [IDLE]: "10m" },
      reports: [
        `InferenceService default/gemma: metadata.annotations["${IDLE}"] is 10m, but spec.evictionProtection keeps it in memory, so that it never unloads: leave one of them out.`,
      ],
    },
    {
      it: "accepts a protected service that says it never unloads",
      service: { evictionProtection: true },
      annotations: { [IDLE]: "never" },
      reports: [],
    },
    {
      it: "waits for a protection that is not known yet",
      service: { evictionProtection: UNKNOWN },
      annotations: { [IDLE]: "10m" },
      reports: [/^note: .*spec\.evictionProtection is not known yet and will be checked during the update\.$/],
    },
  ]);

  it("leaves a prompt cache without room to memory-fits, which tells of it once", async () => {
    const shown = { model: { source: await modelFile({}), hardware: { memoryBudget: "1Gi" } }, service: {} };
    const one = { ...shown, annotations: { [CACHE]: "1Gi" } };
    assert.deepEqual(await reportsOf(onDemand, one), []);
    assert.equal((await reportsOf(memoryFits, one)).length, 1);
  });
});
