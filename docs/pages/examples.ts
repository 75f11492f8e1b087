import { stringify } from "yaml";
import type { Example, Rule } from "../../policies/definition.ts";

/** A policy's example in the form in which a page shows it, and previews it. */
export interface Shown {
  /** Specs by kind and name, as a person writes them. */
  readonly resources: readonly Resource[];
  /** Configuration by policy. */
  readonly config: Readonly<Record<string, object>>;
  /** What the header of the weights says, where that matters. */
  readonly header?: Example["header"];
  /** The folder that all of it is rendered to; otherwise it goes to a cluster. */
  readonly folder?: string;
}

export interface Resource {
  readonly kind: "Model" | "InferenceService";
  readonly name: string;
  readonly spec: object;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface ShownExamples {
  readonly bad: Shown;
  readonly good?: Shown;
}

/** Weights whose header is at hand: its sizes are those of test/fixtures/truth. */
export const LLAMA = "hf://bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf";

/** The example that a definition brings along; the one below for a rule whose example needs whole weights or a whole stack. */
export function examplesOf(rule: Pick<Rule, "name" | "examples">): ShownExamples | undefined {
  const { name, examples } = rule;
  if (examples === undefined) return OTHERS[name];
  const config = examples.config === undefined ? {} : { [name]: examples.config };
  const shown = (example: Example): Shown => ({
    resources: resourcesOf(example),
    config,
    ...(example.header !== undefined && { header: example.header }),
  });
  return { bad: shown(examples.bad), good: shown(examples.good) };
}

function resourcesOf({ model, service, annotations }: Example): readonly Resource[] {
  return [
    { kind: "Model", name: "gemma", spec: { source: "hf://org/repo/model.gguf", ...model } },
    ...(service === undefined
      ? []
      : [
          {
            kind: "InferenceService" as const,
            name: "gemma",
            spec: { ...service, modelRef: "gemma" },
            ...(annotations && { annotations }),
          },
        ]),
  ];
}

function llama(name: string, hardware: object, serving: object): readonly Resource[] {
  return [
    { kind: "Model", name, spec: { source: LLAMA, hardware: { accelerator: "metal", ...hardware } } },
    { kind: "InferenceService", name, spec: { modelRef: name, ...serving } },
  ];
}

const MINI = { "fleet-placement": { hosts: [{ name: "mini", memory: "8Gi" }] } };
const LARGE = { contextSize: 65_536 };
const one = (config: Readonly<Record<string, object>>, hardware: object, serving: object): Shown => ({
  resources: llama("llama", hardware, serving),
  config,
});
const two = (a: object, b: object): Shown => ({
  resources: [...llama("chat", { memoryBudget: "8Gi" }, a), ...llama("batch", { memoryBudget: "8Gi" }, b)],
  config: MINI,
});

const OTHERS: Readonly<Record<string, ShownExamples>> = {
  "memory-budget-valid": {
    bad: {
      resources: [{ kind: "Model", name: "llama", spec: { source: LLAMA, hardware: { memoryBudget: "24GB" } } }],
      config: { "memory-budget-valid": { hostMemory: "36Gi" } },
    },
    good: {
      resources: [{ kind: "Model", name: "llama", spec: { source: LLAMA, hardware: { memoryBudget: "24Gi" } } }],
      config: { "memory-budget-valid": { hostMemory: "36Gi" } },
    },
  },
  "memory-fits": {
    bad: one({ "memory-fits": { hostMemory: "16Gi" } }, { memoryBudget: "1Gi" }, { contextSize: 32_768 }),
    good: one({ "memory-fits": { hostMemory: "16Gi" } }, { memoryBudget: "2Gi" }, { contextSize: 32_768 }),
  },
  "fleet-placement": {
    bad: one(MINI, { memoryBudget: "8Gi" }, { contextSize: 131_072 }),
    good: one(MINI, { memoryBudget: "8Gi" }, { contextSize: 32_768 }),
  },
  "aggregate-per-host": {
    bad: two({ ...LARGE, endpoint: { port: 8080 } }, { ...LARGE, endpoint: { port: 8081 } }),
    good: two({ endpoint: { port: 8080 } }, { endpoint: { port: 8081 } }),
  },
  "distinct-names-and-ports": {
    bad: { ...two({ endpoint: { port: 8080 } }, { endpoint: { port: 8080 } }), folder: "manifests" },
    good: { ...two({ endpoint: { port: 8080 } }, { endpoint: { port: 8081 } }), folder: "manifests" },
  },
  "replicas-above-macs": {
    bad: one(MINI, { memoryBudget: "2Gi" }, { replicas: 2 }),
    good: one(MINI, { memoryBudget: "2Gi" }, { replicas: 1 }),
  },
  "fleet-summary": { bad: two({ endpoint: { port: 8080 } }, { endpoint: { port: 8081 } }) },
  "auto-cache-type": {
    bad: one({ "auto-cache-type": { hostMemory: "36Gi" } }, { memoryBudget: "1600Mi" }, { contextSize: 32_768 }),
  },
  "auto-context": {
    bad: one({ "auto-context": { hostMemory: "36Gi" } }, { memoryBudget: "1100Mi" }, { contextSize: 32_768 }),
  },
  "auto-budget": { bad: one({ "auto-budget": { hostMemory: "36Gi" } }, {}, { contextSize: 32_768 }) },
};

export function asYaml({ resources }: Shown): string {
  return resources
    .map(({ kind, name, annotations, spec }) =>
      stringify({ kind, metadata: { name, ...(annotations && { annotations }) }, spec }, { lineWidth: 0 }),
    )
    .join("---\n");
}
