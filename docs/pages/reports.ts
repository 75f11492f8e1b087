import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Example, Rule, StackRule } from "../../policies/definition.ts";
import { refusal } from "../../policies/findings.ts";
import { preview } from "../../test/policies/analyse.ts";
import { writeGgufFile } from "../../test/support/gguf-writer.ts";
import { llamaTensors } from "../../test/support/llama-tensors.ts";
import { readTruth, writeSynthetic } from "../../test/support/truth-models.ts";
import { LLAMA, type Resource, type Shown } from "./examples.ts";

const API_VERSION = "inference.llmkube.dev/v1alpha1";

/** Files whose headers stand for those of the sources that examples name. */
export interface Weights {
  readonly llama: string;
  /** A small model with these values in its header. */
  readonly withHeader: (header: NonNullable<Example["header"]>) => Promise<string>;
  readonly remove: () => Promise<void>;
}

export async function makeWeights(): Promise<Weights> {
  const folder = await mkdtemp(join(tmpdir(), "pulumi-llmkube-pages-"));
  return {
    llama: await writeSynthetic(readTruth(), "llama3.2-1b", folder),
    withHeader: async (header) => {
      // A header is read once a path.
      const path = join(await mkdtemp(join(folder, "small-")), "model.gguf");
      await writeGgufFile(path, { metadata: { ...SMALL_LLAMA, ...header }, tensors: llamaTensors(1) });
      return path;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

const SMALL_LLAMA = {
  "general.architecture": "llama",
  "llama.block_count": 1,
  "llama.context_length": 4096,
  "llama.embedding_length": 64,
  "llama.feed_forward_length": 128,
  "llama.attention.head_count": 1,
};

/** What the policy reports in a preview of these resources, as a person reads it. */
export async function reportsOf(
  rule: Rule | StackRule,
  { resources, config, header, folder }: Shown,
  weights: Weights,
): Promise<readonly string[]> {
  const files = new Map([[LLAMA, weights.llama]]);
  const named = resources.flatMap(({ kind, spec }) =>
    kind === "Model" && "source" in spec ? [String(spec.source)] : [],
  );
  if (header !== undefined) for (const source of named) files.set(source, await weights.withHeader(header));
  const type = "pulumi:providers:kubernetes";
  const provider =
    folder === undefined ? [] : [{ inputs: { renderYamlToDirectory: folder }, as: { type, name: folder } }];
  const registered = resources.map((resource) => ({
    inputs: inputsOf(resource, files),
    as: { name: resource.name, ...(folder !== undefined && { provider: folder }) },
  }));
  const found = await preview(chosen(rule, config), [...provider, ...registered]);
  const own = found.flatMap((text) => (text.startsWith(`${rule.name}: `) ? [text.slice(rule.name.length + 2)] : []));
  return own.map((text) => withoutFiles(text, files).replace(/^(?:urn:\S+|the stack): /, ""));
}

function chosen(rule: Rule | StackRule, config: Shown["config"]) {
  // Alone, because it leaves to others what they have said; the Macs are those of fleet-placement.
  if ("checkStack" in rule) {
    return { stackRules: [rule], config: { ...config, [rule.name]: config?.["fleet-placement"] ?? {} } };
  }
  return { rules: [rule.level === "disabled" ? asCheck(rule) : rule], config };
}

/** A remedy changes inputs before a policy sees them; here only what it says of that counts. */
function asCheck(rule: Rule): Rule {
  return {
    ...rule,
    level: "advisory",
    checkModel: async (model, config) => noteOf(await rule.remediateModel?.(model, config)),
    checkServed: async (served, config) => noteOf(await rule.remediateServed?.(served, config)),
  };
}

function noteOf(remedy: { readonly note: string } | undefined) {
  return remedy === undefined ? {} : refusal(remedy.note);
}

function inputsOf({ kind, name, spec, annotations }: Resource, files: ReadonlyMap<string, string>): object {
  const { source, ...rest } = spec as { source?: string };
  const file = source === undefined ? undefined : (files.get(source) ?? source);
  const metadata = { name, namespace: "default", ...(annotations && { annotations }) };
  return { apiVersion: API_VERSION, kind, metadata, spec: { ...rest, ...(file !== undefined && { source: file }) } };
}

function withoutFiles(text: string, files: ReadonlyMap<string, string>): string {
  return [...files].reduce((rest, [source, file]) => rest.replaceAll(file, source), text);
}
