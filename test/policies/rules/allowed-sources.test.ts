import { allowedSources } from "../../../policies/rules/allowed-sources.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports } from "./table.ts";

const allow = [
  "hf://ggml-org",
  "hf://org/repo",
  "models.example.com",
  "*.cdn.example.com",
  "https://mirror.example:8443/team/",
  "/models/",
  "s3://bucket/team",
];

const accepted = [
  "hf://ggml-org/gemma/m.gguf",
  "hf://GGML-org/gemma@main/m.gguf",
  "https://huggingface.co/ggml-org/gemma/resolve/main/m.gguf",
  "ggml-org/gemma",
  "hf://org/repo/sub/m.gguf",
  "https://models.example.com/any/m.gguf",
  "http://models.example.com:8080/m.gguf",
  "https://eu.cdn.example.com/m.gguf",
  "https://mirror.example:8443/team/m.gguf",
  "/models/m.gguf",
  "file:///models/sub/m.gguf",
  "s3://bucket/team/m.gguf",
];

const refused = [
  "hf://ggml-org-evil/gemma/m.gguf",
  "hf://org/repo2/m.gguf",
  "https://huggingface.co/somebody/repo/resolve/main/m.gguf",
  "https://models.example.com.evil.example/m.gguf",
  "https://cdn.example.com/m.gguf",
  "https://evil.example/models.example.com/m.gguf",
  "https://models.example.com@evil.example/m.gguf",
  "https://mirror.example/team/m.gguf",
  "http://mirror.example:8443/team/m.gguf",
  "https://mirror.example:8443/team-of-others/m.gguf",
  "https://mirror.example:8443/team/../others/m.gguf",
  "https://mirror.example:8443/team/%2e%2e/others/m.gguf",
  "/models-of-others/m.gguf",
  "/models/../etc/m.gguf",
  "file:///models/%2e%2e/etc/m.gguf",
  "s3://bucket/team/../others/m.gguf",
  "s3://bucket2/team/m.gguf",
  "pvc://claim/m.gguf",
  "gemma",
];

const wrong: ReadonlyArray<readonly [allow: unknown, fault: RegExp]> = [
  ["hf://ggml-org", /^The configuration of allowed-sources: allow is text; it must be a list/],
  [["hf://"], /allow\[0\] is "hf:\/\/"; it must be an organisation on the hub \(hf:\/\/org\)/],
  [["hf://org/repo/file.gguf"], /it must be an organisation on the hub/],
  [["https://user:hunter2@a.example/"], /allow\[0\] is "https:\/\/…@a\.example\/"; it must be/],
  [["ggml-org/gemma"], /allow\[0\] is "ggml-org\/gemma"; it must be/],
  [[""], /allow\[0\] is ""; it must be/],
];

describe("allowed-sources", () => {
  reports(allowedSources, [
    ...accepted.map((source) => ({ it: `accepts ${source}`, model: { source }, config: { allow }, reports: [] })),
    ...refused.map((source) => ({
      it: `refuses ${source}`,
      model: { source },
      config: { allow },
      reports: [
        /^Model default\/gemma: spec\.source \S+ comes from a place that is not allowed\. Allowed are hf:\/\/ggml-org, /,
      ],
    })),
    {
      it: "refuses a projector, without credentials",
      model: { source: "/models/m.gguf", mmproj: "https://u:hunter2@a.example/p.gguf?token=hunter2" },
      config: { allow: ["/models"] },
      reports: [
        "Model default/gemma: spec.mmproj https://a.example/p.gguf comes from a place that is not allowed. Allowed are /models (allow in" +
          " the configuration of allowed-sources).",
      ],
    },
    {
      it: "allows the hub as a host",
      model: { source: "hf://a/b/m.gguf" },
      config: { allow: ["huggingface.co"] },
      reports: [],
    },
    { it: "allows everything where nothing is listed", model: { source: "http://a.example/m.gguf" }, reports: [] },
    {
      it: "waits for a source that is not known yet",
      model: { source: UNKNOWN },
      config: { allow },
      reports: ["note: Model default/gemma: spec.source is not known yet and will be checked during the update."],
    },
    ...wrong.map(([entries, fault]) => ({
      it: `refuses the configuration ${JSON.stringify(entries)}`,
      config: { allow: entries },
      reports: [fault],
    })),
  ]);
});
