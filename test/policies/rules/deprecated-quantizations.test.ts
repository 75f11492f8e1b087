import { deprecatedQuantizations } from "../../../policies/rules/deprecated-quantizations.ts";
import { UNKNOWN } from "../analyse.ts";
import { matches, modelFile, reports, reportsOf } from "./table.ts";

const Q5_1 = [{ name: "token_embd.weight", shape: [64, 64], type: 7 }];
const Q4_K = [{ name: "token_embd.weight", shape: [256, 64], type: 12 }];

describe("deprecated-quantizations", () => {
  it("reports a deprecated file type, and what would be better", async () => {
    const model = { source: await modelFile({ "general.file_type": 9 }) };
    matches(await reportsOf(deprecatedQuantizations, { model }), [
      "Model default/gemma: it is stored in Q5_1 (its header says so), which is deprecated (deprecated in the configuration of" +
        " deprecated-quantizations). What would be better: Q5_K_M, at about the same size or less.",
    ]);
  });

  it("takes the type of most tensors where the header does not say", async () => {
    const model = { source: await modelFile({}, Q5_1) };
    matches(await reportsOf(deprecatedQuantizations, { model }), [
      /it is stored in Q5_1 \(by most of its tensors\), which/,
    ]);
  });

  it("accepts a K-quant whose odd tensors fell back", async () => {
    const model = { source: await modelFile({ "general.file_type": 15 }, Q5_1) };
    matches(await reportsOf(deprecatedQuantizations, { model }), []);
  });

  it("takes a listed type for all files of that type", async () => {
    const model = { source: await modelFile({ "general.file_type": 15 }, Q4_K) };
    for (const deprecated of [["Q4_K"], ["q4_k_m"]]) {
      matches(await reportsOf(deprecatedQuantizations, { model, config: { deprecated } }), [
        /it is stored in Q4_K_M \(/,
      ]);
    }
    matches(await reportsOf(deprecatedQuantizations, { model, config: { deprecated: ["Q4_K_S"] } }), []);
  });

  reports(deprecatedQuantizations, [
    {
      it: "notes a header that cannot be read, where memory-fits does not",
      model: { source: "/no/such.gguf" },
      reports: [/^note: Model default\/gemma: its quantization is not known, because the header cannot be read: /],
    },
    {
      it: "waits for a source that is not known yet",
      model: { source: UNKNOWN },
      reports: ["note: Model default/gemma: spec.source is not known yet and will be checked during the update."],
    },
    {
      it: "refuses a name that is no quantization",
      model: { source: UNKNOWN },
      config: { deprecated: ["Q9_9"] },
      reports: [
        /^The configuration of deprecated-quantizations: deprecated\[0\] is "Q9_9"; it must be a quantization of a GGUF file, one of /,
        /^note: .* is not known yet/,
      ],
    },
  ]);
});
