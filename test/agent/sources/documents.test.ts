import assert from "node:assert/strict";
import { readDocuments } from "../../../agent/sources/directory/documents.ts";
import { identityText } from "../../../api/identity.ts";
import { modelManifest, serviceManifest } from "../../support/manifests.ts";

const MIB = 2 ** 20;
const API = "inference.llmkube.dev/v1alpha1";
const model = JSON.stringify(modelManifest());
const service = JSON.stringify(serviceManifest());

/** What was made of each document, in short. */
function read(text: string): readonly string[] {
  const documents = readDocuments(text);
  assert.ok(documents.ok, documents.ok ? "" : documents.error);
  return documents.value.flatMap((document) => {
    if (document.is === "other") return [];
    if (document.is === "manifest") return `manifest ${document.manifest.metadata.name} ${document.note ?? ""}`.trim();
    if (document.is === "foreign") return `foreign: ${document.note}`;
    if (document.is === "unidentified") return `unidentified: ${document.problem}`;
    return `faulty ${identityText(document.identity)}: ${document.problem}`;
  });
}

const listOf = (length: number) => `{apiVersion: v1, kind: List, items: [${Array(length).fill("{}").join()}]}`;

describe("the documents of a manifest file", () => {
  const cases: ReadonlyArray<readonly [about: string, text: string, documents: readonly (string | RegExp)[]]> = [
    ["several documents", `${model}\n---\n${service}`, ["manifest llama", "manifest chat"]],
    ["a byte order mark of UTF-8", `\ufeff${model}`, ["manifest llama"]],
    ["a List", `{apiVersion: v1, kind: List, items: [${model}, ${service}]}`, ["manifest llama", "manifest chat"]],
    ["1000 objects", listOf(1000), []],
    [
      "brackets and stars within texts",
      `a: "]]]"\nb: |\n  ]\n  *x\n  ---\nc: x ] * - - -\n---\n${model}`,
      ["manifest llama"],
    ],
    ["an empty List", "{apiVersion: v1, kind: List, items: []}", []],
    ["a List that was cut off", "apiVersion: v1\nkind: List\nitems:", ["unidentified: a List has no list of items"]],
    ["nothing but comments", "# nothing\n---\n# here\n", []],
    ["other APIs' objects", "{apiVersion: v1, kind: Namespace, metadata: {name: x}}\n---\n{services: {web: {}}}", []],
    ...["ModelRouter", "ModelPool", "GPUQuota", "LoRAAdapter", "InferenceServiceSet", "Unheard"].map(
      (kind) =>
        [
          `a ${kind}`,
          `{apiVersion: ${API}, kind: ${kind}, metadata: {name: x}, spec: {}}`,
          [`foreign: ${kind} default/x is passed over: this agent serves Models and InferenceServices only`],
        ] as const,
    ),
    [
      "a foreign kind in another version",
      "{apiVersion: inference.llmkube.dev/v1beta1, kind: ModelRouter, metadata: {name: x, namespace: lab}}",
      ["foreign: ModelRouter lab/x is passed over: this agent serves Models and InferenceServices only"],
    ],
    [
      "a field of a later version",
      JSON.stringify(serviceManifest({ kernelFusion: 1 })),
      [
        "manifest chat InferenceService default/chat: spec.kernelFusion is not a field that this version knows; it is not" +
          " acted on",
      ],
    ],
    [
      "a key of a label that is none",
      JSON.stringify({ ...serviceManifest({ podLabels: { "bad key!": "x" } }) }),
      [/^manifest chat InferenceService default\/chat: spec\.podLabels has the key "bad key!"; it must be at most 63 /],
    ],
    [
      "such a key beside a field of a later version",
      JSON.stringify({
        ...modelManifest({ kernelFusion: 1 }),
        metadata: { name: "llama", labels: { "x/": "y" }, annotations: { "\u001b[2J": "" } },
      }),
      [
        /^manifest llama Model default\/llama: spec\.kernelFusion .* not acted on; metadata\.labels has the key "x\/"; .* metadata\.annotations has the key \P{Cc}*$/u,
      ],
    ],
    [
      "a fault in a field",
      JSON.stringify(modelManifest({ source: 7 })),
      [/^faulty Model default\/llama: Model default\/llama: spec\.source is 7, a number; /],
    ],
    [
      "a misspelt field",
      JSON.stringify(serviceManifest({ contextsize: 1 })),
      [/^faulty InferenceService default\/chat: .*did you mean contextSize\?/],
    ],
    [
      "another version of this API",
      JSON.stringify({ ...modelManifest(), apiVersion: "inference.llmkube.dev/v1beta1" }),
      [/^faulty Model default\/llama: .*apiVersion is "inference\.llmkube\.dev\/v1beta1"; it must be /],
    ],
    [
      "no version",
      JSON.stringify({ ...modelManifest(), apiVersion: undefined }),
      [/^faulty Model default\/llama: .*apiVersion is missing/],
    ],
    [
      "a misspelt group",
      JSON.stringify({ ...modelManifest(), apiVersion: "inference.llmkube.io/v1alpha1" }),
      [/^faulty Model default\/llama: .*apiVersion is "inference\.llmkube\.io\/v1alpha1"/],
    ],
    [
      "a misspelt kind",
      JSON.stringify({ ...modelManifest(), kind: "Modle" }),
      [/^faulty Model default\/llama: .*kind is "Modle"; it must be Model or InferenceService; did you mean Model\?/],
    ],
    [
      "no name",
      JSON.stringify({ ...modelManifest(), metadata: {} }),
      [/^unidentified: Model without a name: metadata\.name is missing/],
    ],
    [
      "a name that no object has",
      JSON.stringify({ ...modelManifest(), metadata: { name: "Llama_3" } }),
      [/^unidentified: .*metadata\.name is "Llama_3"/],
    ],
    [
      "an end within the name",
      `apiVersion: ${API}\nkind: Model\nmetadata:\n  name: lla`,
      [/^unidentified: .*spec is missing/],
    ],
    ["an end within the kind", `apiVersion: ${API}\nkind: Mod`, [/^unidentified: Mod without a name: kind is "Mod"/]],
    ["an end within the group", "apiVersion: inference.llmk", [/^unidentified: .*apiVersion is "inference\.llmk"/]],
    [
      "one lone word",
      "oops",
      ['unidentified: A document is "oops"; it must be a manifest, an object with apiVersion, kind, metadata and spec'],
    ],
    ["a list", "- a\n- b", [/^unidentified: A document is a list/]],
  ];
  for (const [about, text, expected] of cases) {
    it(`tells ${about}`, () => {
      const documents = read(text);
      assert.equal(documents.length, expected.length, documents.join("\n"));
      for (const [at, document] of documents.entries()) {
        const wanted = expected[at] ?? "";
        if (typeof wanted === "string") assert.equal(document, wanted);
        else assert.match(document, wanted);
      }
    });
  }

  const refused: ReadonlyArray<readonly [about: string, text: string, error: RegExp]> = [
    ["nothing", "", /^it is empty; /],
    ["nothing but space", " \n\t\n", /^it is empty; /],
    ["a syntax error", "kind: [", /^it is not valid YAML: .* at line 1, column \d+$/],
    ["a key given twice", "kind: Model\nkind: Model", /^it is not valid YAML: /],
    ["one bad document among good ones", `${model}\n---\nkind: [`, /^it is not valid YAML: /],
    ["aliases that multiply", `a: &a [x,x]\nb: ${"[*a,*a,*a,*a,*a,*a],".repeat(40)}`, /^it is not valid YAML: /],
    ["a key given twice in an inner object", "a: {b: [{c: 1, c: 2}]}", /the key "c" stands twice in one object$/],
    ["a bracket too many", "a: b\n]\n", /^it is not valid YAML: it closes a bracket that was not opened$/],
    ["more than 1000 objects in documents", "---\na: 1\n".repeat(1001), /^it holds more than 1000 objects; split it/],
    ["more than 1000 objects in a List", listOf(1001), /^it holds more than 1000 objects; split it/],
    ["more than 1000 aliases", `a: &a 1\nb: [${"*a, ".repeat(1001)}]`, /^it has more than 1000 aliases$/],
    ["65 tags in a row", "!a ".repeat(65), /^it has more than 64 tags, anchors or quoted texts in a row$/],
    ["65 levels", `${"[".repeat(65)}${"]".repeat(65)}`, /^it is nested more than 64 levels deep$/],
  ];
  for (const [about, text, error] of refused) {
    it(`refuses a file of ${about}`, () => {
      const documents = readDocuments(text);
      assert.ok(!documents.ok, "was accepted");
      assert.match(documents.error, error);
      assert.ok(documents.error.length < 400);
    });
  }

  const endless: ReadonlyArray<readonly [about: string, text: string]> = [
    ["brackets", "[".repeat(MIB)],
    ["braces", "{a: ".repeat(MIB / 4)],
    ["lists in lists", "- ".repeat(MIB / 2)],
    ["keys that are keys", "? ".repeat(MIB / 2)],
    ["anchors", "&a [".repeat(MIB / 4)],
    ["tags", "!a ".repeat(MIB / 3)],
    ["tags, each in its line", "!a\n".repeat(MIB / 3)],
    ["anchors in a row", "&a ".repeat(MIB / 3)],
    ["quoted texts", '"a" '.repeat(MIB / 4)],
    ["quoted texts in brackets", `[${"'a' ".repeat(MIB / 4)}]`],
    ["documents", "---\n".repeat(MIB / 4)],
    ["aliases", `[${Array.from({ length: 40_000 }, (_, at) => `&a${at} 1, *a${at}, `).join("")}]`],
    ["closing brackets", "]\n".repeat(MIB / 2)],
    ["ends of documents", "...\n".repeat(MIB / 4)],
    ["faulty objects", "{apiVersion: inference.llmkube.dev/v1alpha1}\n---\n".repeat(MIB / 50)],
    ["keys", Array.from({ length: 80_000 }, (_, at) => `k${at}: 1`).join("\n")],
  ];
  for (const [about, text] of endless) {
    it(`is not kept busy by a mebibyte of ${about}`, () => {
      const began = process.cpuUsage();
      readDocuments(text);
      const { user } = process.cpuUsage(began);
      assert.ok(user < 5_000_000, `${user} microseconds`);
    });
  }
});
