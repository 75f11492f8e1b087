import { extraArgs } from "../../../policies/rules/extra-args.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports } from "./table.ts";

describe("extra-args", () => {
  reports(extraArgs, [
    { it: "accepts none", service: {}, reports: [] },
    { it: "accepts those of the list", service: { extraArgs: ["--temp", "0.2", "-v"] }, reports: [] },
    {
      it: "reports every one that is not accepted, each with its field",
      service: {
        contextSize: 8192,
        extraArgs: ["--ctx-size", "131072", "--temp", "1", "-fa=off", "--cache-ram", "8192"],
      },
      reports: [
        'InferenceService default/gemma: spec.extraArgs: "--ctx-size" is refused: set spec.contextSize.',
        'InferenceService default/gemma: spec.extraArgs: "-fa" is refused: set spec.flashAttention.',
        'InferenceService default/gemma: spec.extraArgs: "--cache-ram" is not on the list of flags that are known to change neither memory nor' +
          " network exposure.",
      ],
    },
    {
      it: "shows no key",
      service: { extraArgs: ["--api-key=hunter2"] },
      reports: [
        'InferenceService default/gemma: spec.extraArgs: "--api-key" is refused: every user of the machine can see a key that is an argument.',
      ],
    },
    {
      it: "does not know the arguments of other servers",
      service: { runtime: "vllm", extraArgs: ["--host", "::"] },
      reports: [],
    },
    {
      it: "waits for an argument that is not known yet",
      service: { extraArgs: ["--temp", UNKNOWN] },
      reports: [
        "note: InferenceService default/gemma: spec.extraArgs is not known yet and will be checked during the update.",
      ],
    },
  ]);
});
