import {
  type PolicyResource,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  unknownCheckingProxy,
} from "@pulumi/policy";
import { memoryBudgetValid, memoryFits, memoryNotes } from "../../policies/index.ts";

/** The engine's stand-in for a text that it will only know during the update. */
export const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** What a policy reported: `memory-fits: Model default/gemma does not fit: ...`. */
export type Report = string;

export interface Analysis {
  /** Configuration by policy, as `--policy-pack-config` gives it. */
  readonly config?: Readonly<Record<string, object>>;
}

const PACK: ReadonlyArray<ResourceValidationPolicy & Partial<StackValidationPolicy>> = [
  memoryBudgetValid,
  memoryFits,
  memoryNotes,
];

/** Shows one resource to every policy of the pack, in its order, as the engine does before the resource is made. */
export async function analyse(inputs: object, { config = {} }: Analysis = {}): Promise<Report[]> {
  const reports: Report[] = [];
  for (const policy of PACK) {
    const validate = policy.validateResource;
    if (typeof validate !== "function") throw new Error(`${policy.name} does not look at resources`);
    await validate(argsOf(inputs, config[policy.name] ?? {}), (text) => reports.push(`${policy.name}: ${text}`));
  }
  return reports;
}

/** The end of a preview or update, with the URN of each report. */
export async function analyseStack({ config = {} }: Analysis = {}): Promise<Report[]> {
  const reports: Report[] = [];
  const resources: PolicyResource[] = [];
  await memoryFits.validateStack(
    {
      resources,
      stackTags: new Map(),
      getConfig: <T extends object>() => (config[memoryFits.name] ?? {}) as T,
      notApplicable,
    },
    (text, urn) => reports.push(`${urn}: ${text}`),
  );
  return reports;
}

export function urnOf(inputs: object): string {
  const { apiVersion, kind } = inputs as { apiVersion: string; kind: string };
  return `urn:pulumi:test::test::kubernetes:${apiVersion}:${kind}::gemma`;
}

function argsOf(inputs: object, config: object): ResourceValidationArgs {
  const urn = urnOf(inputs);
  return {
    urn,
    type: urn.split("::")[2] ?? "",
    name: "gemma",
    props: unknownCheckingProxy(inputs),
    opts: {
      protect: false,
      ignoreChanges: [],
      aliases: [],
      customTimeouts: { createSeconds: 0, updateSeconds: 0, deleteSeconds: 0 },
      additionalSecretOutputs: [],
    },
    stackTags: new Map(),
    isType: () => false,
    asType: () => undefined,
    getConfig: <T extends object>() => config as T,
    notApplicable,
  };
}

function notApplicable(): never {
  throw new Error("a policy called notApplicable");
}
