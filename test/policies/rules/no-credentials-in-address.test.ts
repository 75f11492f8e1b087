import assert from "node:assert/strict";
import { noCredentialsInAddress } from "../../../policies/rules/no-credentials-in-address.ts";
import { UNKNOWN } from "../analyse.ts";
import { reports, reportsOf } from "./table.ts";

const SECRET = "hunter2hunter2hunter2hunter2";

const found: ReadonlyArray<readonly [source: string, what: string]> = [
  [`https://user:${SECRET}@a.example/m.gguf`, "spec.source (at https://a.example) contains a user name and a password"],
  [
    `https://${SECRET}@a.example/m.gguf`,
    "spec.source (at https://a.example) contains a user name or a token before its host",
  ],
  [
    `https://a@${SECRET}@a.example:8443/m`,
    "spec.source (at https://a.example:8443) contains a user name or a token before its host",
  ],
  [
    `https://a.example/m.gguf?token=${SECRET}`,
    'spec.source (at https://a.example) contains a credential in its query parameter "token"',
  ],
  [
    `https://a.example/m?x=1&API_KEY=${SECRET}`,
    'spec.source (at https://a.example) contains a credential in its query parameter "API_KEY"',
  ],
  [`https://a.example/m?X-Amz-Signature=${SECRET}`, 'contains a credential in its query parameter "X-Amz-Signature"'],
  [`https://a.example/m?a=1;sig=${SECRET}`, 'contains a credential in its query parameter "sig"'],
  [`https://a.example/m#access_token=${SECRET}`, 'contains a credential in its query parameter "access_token"'],
  [`https://a.example/hf_${SECRET}/m.gguf`, "contains what looks like an access token of Hugging Face"],
  [`https://hf_${SECRET}/m.gguf`, "spec.source contains what looks like an access token of Hugging Face"],
  [`hf://org/ghp_${SECRET}/m.gguf`, "contains what looks like an access token of GitHub"],
  [`s3://AKIA${SECRET.slice(0, 8).toUpperCase()}ABCDEFGH/m.gguf`, "contains what looks like an access token of AWS"],
];

const accepted = [
  "https://a.example/m.gguf",
  "https://a.example/m.gguf?download=true&Revision=main",
  "https://a.example/m.gguf?token=",
  "hf://org/repo@main/m.gguf",
  "/models/user@host/m.gguf",
  "org/repo",
];

describe("no-credentials-in-address", () => {
  for (const [source, what] of found) {
    it(`finds what gives access, and never shows it: ${what}`, async () => {
      for (const model of [{ source }, { source: "/m.gguf", mmproj: source }]) {
        const [text = "", ...more] = await reportsOf(noCredentialsInAddress, { model });
        assert.ok(text.includes("mmproj" in model ? what.replace("spec.source", "spec.mmproj") : what), text);
        assert.match(text, / Take the credential out: for hf:\/\/ set HF_TOKEN in the agent's environment; /);
        assert.doesNotMatch(text, /hunter2/i);
        assert.deepEqual(more, []);
      }
    });
  }

  reports(noCredentialsInAddress, [
    ...accepted.map((source) => ({ it: `accepts ${source}`, model: { source }, reports: [] })),
    {
      it: "checks the projector of a source that is not known yet",
      model: { source: UNKNOWN, mmproj: `https://u:${SECRET}@a.example/p.gguf` },
      reports: [
        /^Model default\/gemma: spec\.mmproj \(at https:\/\/a\.example\) contains/,
        "note: Model default/gemma: spec.source is not known yet and will be checked during the update.",
      ],
    },
    {
      it: "takes no settings",
      config: { allow: true },
      reports: [/^The configuration of no-credentials-in-address: allow is not a field/],
    },
  ]);
});
