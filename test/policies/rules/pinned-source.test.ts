import { pinnedSource } from "../../../policies/rules/pinned-source.ts";
import { UNKNOWN } from "../analyse.ts";
import { type Case, reports } from "./table.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const sha256 = "a".repeat(64);

const pinned: readonly object[] = [
  { source: `hf://org/repo@${COMMIT}/m.gguf` },
  { source: `hf://org/repo@${COMMIT.toUpperCase()}/m.gguf` },
  { source: `https://huggingface.co/org/repo/resolve/${COMMIT}/m.gguf` },
  { source: `hf://org/repo@${COMMIT}/m-00001-of-00003.gguf` },
  { source: "hf://org/repo/m.gguf", sha256 },
  { source: "https://a.example/m.gguf", sha256 },
  { source: "/models/m.gguf" },
  { source: "file:///models/m.gguf" },
  { source: "/models/m.gguf", mmproj: `hf://org/repo@${COMMIT}/p.gguf` },
];

const HUB_WAY = "name a commit: hf://org/repo@COMMIT/..., with the 40 hexadecimal digits of the commit";
const HASH_WAY = "set spec.sha256 to the digest of the file";

const unpinned: readonly Omit<Case, "it">[] = [
  {
    model: { source: "hf://org/repo/m.gguf" },
    reports: [
      "Model default/gemma: spec.source hf://org/repo/m.gguf is not pinned: it is served from the default branch of the repository," +
        ` which may change. To pin it, ${HASH_WAY}, or ${HUB_WAY}.`,
    ],
  },
  {
    model: { source: "hf://org/repo@v1.0/m.gguf" },
    reports: [
      `Model default/gemma: spec.source hf://org/repo@v1.0/m.gguf is not pinned: revision "v1.0" is a name that can be moved to another commit. To pin it, ${HASH_WAY}, or ${HUB_WAY}.`,
    ],
  },
  { model: { source: `hf://org/repo@${COMMIT.slice(1)}/m.gguf` }, reports: [/is a name that can be moved/] },
  { model: { source: "https://huggingface.co/org/repo/resolve/main/m.gguf" }, reports: [/revision "main" is a name/] },
  { model: { source: "org/repo" }, reports: [/default branch/] },
  {
    model: { source: "https://u:hunter2@a.example/m.gguf?token=hunter2" },
    reports: [
      `Model default/gemma: spec.source https://a.example/m.gguf is not pinned: the file at that address may be replaced by another. To pin it, ${HASH_WAY}.`,
    ],
  },
  { model: { source: `https://a.example/org/repo/resolve/${COMMIT}/m.gguf` }, reports: [/may be replaced by another/] },
  {
    model: { source: "hf://org/repo/m-00001-of-00003.gguf", sha256 },
    reports: [
      "Model default/gemma: spec.source hf://org/repo/m-00001-of-00003.gguf is not pinned: it is served from the default branch of the" +
        ` repository, which may change. Its sha256 is that of the first file alone, and the model has several. To pin it, ${HUB_WAY}.`,
    ],
  },
  {
    model: { source: "/m.gguf", mmproj: "https://a.example/p.gguf", sha256 },
    reports: [
      "Model default/gemma: spec.mmproj https://a.example/p.gguf is not pinned: the file at that address may be replaced by another. To" +
        " pin it, take it from the hub: hf://org/repo@COMMIT/..., with the 40 hexadecimal digits of the commit.",
    ],
  },
  {
    model: { source: "/m.gguf" },
    config: { localFiles: "pin" },
    reports: [/the file may be replaced by another \(localFiles is pin\)\. To pin it, set spec\.sha256 to the digest/],
  },
];

describe("pinned-source", () => {
  reports(pinnedSource, [
    ...pinned.map((model) => ({ it: `accepts ${JSON.stringify(model)}`, model, reports: [] })),
    ...unpinned.map((one) => ({ it: `reports ${JSON.stringify(one.model)}`, ...one })),
    {
      it: "waits for a sha256 that is not known yet",
      model: { source: "hf://org/repo/m.gguf", sha256: UNKNOWN },
      reports: ["note: Model default/gemma: spec.sha256 is not known yet and will be checked during the update."],
    },
    {
      it: "does not wait for a sha256 that cannot pin it",
      model: { source: "hf://org/repo/m-00001-of-00002.gguf", sha256: UNKNOWN },
      reports: [
        /is not pinned/,
        "note: Model default/gemma: spec.sha256 is not known yet and will be checked during the update.",
      ],
    },
    {
      it: "waits for a source that is not known yet",
      model: { source: UNKNOWN },
      reports: ["note: Model default/gemma: spec.source is not known yet and will be checked during the update."],
    },
    {
      it: "refuses a configuration that it does not understand",
      config: { localFiles: true },
      reports: [/^The configuration of pinned-source: localFiles is true; it must be one of pass, pin/],
    },
  ]);
});
