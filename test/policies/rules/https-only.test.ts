import { httpsOnly } from "../../../policies/rules/https-only.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports } from "./table.ts";

const accepted = [
  "https://models.example.com/m.gguf",
  "hf://org/repo/m.gguf",
  "/models/m.gguf",
  "file:///models/m.gguf",
  "org/repo",
  "s3://bucket/m.gguf",
  "http://localhost:8080/m.gguf",
  "http://127.0.0.1/m.gguf",
  "http://[::1]:8080/m.gguf",
];

describe("https-only", () => {
  reports(httpsOnly, [
    ...accepted.map((source) => ({ it: `accepts ${source}`, model: { source }, reports: [] })),
    {
      it: "refuses plain http",
      model: { source: "http://user:hunter2@models.example.com:8080/m.gguf?token=hunter2" },
      reports: [
        "Model default/gemma: spec.source http://models.example.com:8080/m.gguf is fetched over plain http, so anybody on the way can" +
          " put another file in its place. Use https://, or hf:// for a file on the hub, or name models.example.com in exceptHosts of the" +
          " configuration of https-only.",
      ],
    },
    {
      it: "refuses a host that begins as this machine does",
      model: { source: "http://127.0.0.1.example.com/m.gguf" },
      reports: [/127\.0\.0\.1\.example\.com/],
    },
    {
      it: "refuses a projector",
      model: { mmproj: "http://a.example/p.gguf" },
      reports: [/: spec\.mmproj http:\/\/a\.example\/p\.gguf is/],
    },
    {
      it: "accepts a host that is excepted, in any case",
      model: { source: "http://Mirror.Local:8080/m.gguf" },
      config: { exceptHosts: ["mirror.local"] },
      reports: [],
    },
    {
      it: "checks the projector of a source that is not known yet",
      model: { source: UNKNOWN, mmproj: "http://a.example/p.gguf" },
      reports: [
        /^Model default\/gemma: spec\.mmproj /,
        "note: Model default/gemma: spec.source is not known yet and will be checked during the update.",
      ],
    },
    {
      it: "refuses a configuration that it does not understand",
      config: { exceptHosts: "mirror.local" },
      reports: [/^The configuration of https-only: exceptHosts is text; it must be a list/],
    },
  ]);
});
