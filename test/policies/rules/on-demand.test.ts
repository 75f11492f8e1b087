import assert from "node:assert/strict";
import { onDemand } from "../../../policies/rules/on-demand.ts";
import { gemmaFile } from "../../support/gemma-header.ts";
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

  describe("with a prompt cache", () => {
    const shown = async (cache: string, memoryBudget = "1Gi", source?: string) =>
      reportsOf(onDemand, {
        model: { source: source ?? (await modelFile({})), hardware: { accelerator: "metal", memoryBudget } },
        service: {},
        annotations: { [CACHE]: cache },
        config: { hostMemory: "16Gi" },
      });

    it("accepts what the budget leaves above the need", async () => {
      for (const cache of ["64Mi", "auto", "off"]) assert.deepEqual(await shown(cache), []);
    });

    it("refuses more than that, and says what would fit: just that", async () => {
      const [told = "", ...more] = await shown("1Gi");
      assert.deepEqual(more, []);
      assert.match(
        told,
        /^InferenceService default\/gemma: metadata\.annotations\["llmkube\.dev\/prompt-cache"\] is 1Gi, too much beside the need of the model: 1\.0 GiB with its margin \+ [\d.]+ MiB, budget 1\.0 GiB \(absolute from CRD\)\.\nWhat would fit: auto, which takes what is left, or up to \d+Mi\.$/,
      );
      const largest = Number(/up to (\d+)Mi/.exec(told)?.[1]);
      assert.deepEqual(await shown(`${largest}Mi`), []);
      assert.equal((await shown(`${largest + 1}Mi`)).length, 1);
    });

    it("leaves room for the context checkpoints of a model with sliding windows", async () => {
      const file = await gemmaFile();
      const [told = ""] = await shown("1Gi", "1Gi", file);
      const largest = Number(/up to (\d+)Mi/.exec(told)?.[1]);
      assert.deepEqual(await shown(`${largest}Mi`, "1Gi", file), []);
      assert.equal((await shown(`${largest + 1}Mi`, "1Gi", file)).length, 1);
    });

    it("leaves a model that does not fit even without it to memory-fits", async () => {
      assert.deepEqual(await shown("1Gi", "2Mi"), []);
    });
  });
});
