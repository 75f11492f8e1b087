import assert from "node:assert/strict";
import { join } from "node:path";
import type { Rule } from "../../../policies/definition.ts";
import { type WriterTensor, writeGgufFile } from "../../support/gguf-writer.ts";
import { llamaTensors } from "../../support/llama-tensors.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { preview } from "../analyse.ts";
import { model, service } from "../manifests.ts";

/** A preview of one Model, and of a service that serves it where one is given. */
export interface Case {
  readonly it: string;
  readonly model?: object;
  readonly service?: object;
  /** Annotations of the service. */
  readonly annotations?: object;
  /** Of the rule, as a pack's configuration gives it. */
  readonly config?: object;
  /** What is reported, without the name of the policy; begins with `note: ` where it is only noted. */
  readonly reports: readonly (string | RegExp)[];
}

const NOTE = "memory-notes: ";

/** A test for each case: the rule, and no other, reports exactly that. */
export function reports(rule: Rule, cases: readonly Case[]): void {
  for (const one of cases) {
    it(one.it, async () => matches(await reportsOf(rule, one), one.reports));
  }
}

export async function reportsOf(rule: Rule, one: Omit<Case, "it" | "reports">): Promise<readonly string[]> {
  const shown = [
    model({ source: "/models/gemma.gguf", ...one.model }),
    ...(one.service === undefined ? [] : [annotated(service(one.service), one.annotations)]),
  ];
  // A remedy is off until somebody asks for it.
  const enabled: Rule = { ...rule, level: rule.level === "disabled" ? "advisory" : rule.level };
  const found = await preview({ rules: [enabled], config: { [rule.name]: one.config ?? {} } }, shown);
  return found.map((text) => {
    if (text.startsWith(NOTE)) return `note: ${text.slice(NOTE.length)}`;
    assert.ok(text.startsWith(`${rule.name}: `), text);
    return text.slice(rule.name.length + 2);
  });
}

function annotated(inputs: ReturnType<typeof service>, annotations: object | undefined) {
  return annotations === undefined ? inputs : { ...inputs, metadata: { ...inputs.metadata, annotations } };
}

export function matches(found: readonly string[], expected: readonly (string | RegExp)[]): void {
  if (expected.every((text) => typeof text === "string")) {
    assert.deepEqual(found, expected);
    return;
  }
  assert.equal(found.length, expected.length, found.join("\n"));
  for (const [index, text] of expected.entries()) {
    if (typeof text === "string") assert.equal(found[index], text);
    else assert.match(found[index] ?? "", text);
  }
}

/** The path of a small model with these values in its header, beside those of a plain llama. */
export async function modelFile(
  metadata: Readonly<Record<string, string | number>>,
  tensors: readonly WriterTensor[] = llamaTensors(1),
): Promise<string> {
  const path = join(await temporaryDirectory(), "model.gguf");
  await writeGgufFile(path, { metadata: { ...LLAMA, ...metadata }, tensors });
  return path;
}

const LLAMA = {
  "general.architecture": "llama",
  "llama.block_count": 1,
  "llama.context_length": 4096,
  "llama.embedding_length": 64,
  "llama.feed_forward_length": 128,
  "llama.attention.head_count": 1,
};
