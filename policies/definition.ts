import type { Severity } from "@pulumi/policy";
import type * as z from "zod";
import type { InferenceServiceSpec } from "../api/inferenceservice.ts";
import type { ModelSpec } from "../api/model.ts";
import type { Result } from "../api/result.ts";
import type { GgufHeader } from "../gguf/header.ts";
import type { Findings } from "./findings.ts";

// How to write a policy. One file holds one policy: policies/rules/NAME.ts for a rule about a Model or a service, policies/fleet/NAME.ts
// for a rule about the stack. It exports one object: `export const name = defineRule({ ... })` or `defineStackRule({ ... })`
// (policies/define.ts), and is listed in policies/all.ts. A check is a pure function of a subject and the configuration. It returns `{}`,
// `refusal(text)` or `remark(text)` (policies/findings.ts), and begins a text with `subject.label`. A refusal says what was needed, what
// was allowed, where the limit comes from and what would fit. A remark is what could not be checked, or had to be assumed.
// Write fields as they are in the manifest, `spec.contextSize`: for a resource of an LlmModel they are reported by the names of its arguments.
// The guard does the rest: it parses each resource once, checks the configuration, notes unknown fields that the rule reads, joins a service
// with its Model in whichever order they come, keeps exemptions, and turns what a rule throws into a finding.

/** What is common to all policies. */
export interface Definition<Schema extends z.ZodObject = z.ZodObject> {
  /** In kebab-case, for example `memory-fits`. The option of LlmGuard is the same in camelCase. */
  readonly name: string;
  /** A few words for a list of policies. */
  readonly title: string;
  /** One sentence: what must be so. It is the first line of each report. */
  readonly description: string;
  /** What a person does about a report: one or two sentences. */
  readonly remedy: string;
  readonly severity: Severity;
  readonly tags: readonly string[];
  /** Unless the options or the configuration say otherwise. */
  readonly level: Level;
  /** What is reported and what is not, for the pages of the docs. A test runs both. */
  readonly examples?: Examples;
  /** It informs and refuses nothing: where it is to be mandatory, it is advisory. */
  readonly informsOnly?: true;
  /** A strict object. Every setting has a description with its unit, range and default; defaults are in the schema. */
  readonly config: Schema;
}

export interface Examples {
  /** The configuration for both; none where it is left out. */
  readonly config?: object;
  readonly bad: Example;
  readonly good: Example;
}

/** The specs of a Model and of an InferenceService that serves it, as a person writes them, and what the header of the weights says. */
export interface Example {
  readonly model?: object;
  readonly service?: object;
  /** Of the service. */
  readonly annotations?: Readonly<Record<string, string>>;
  readonly header?: Readonly<Record<string, string | number>>;
}

export const LEVELS = ["advisory", "mandatory", "remediate", "disabled"] as const;
export type Level = (typeof LEVELS)[number];

type Found = Findings | Promise<Findings>;

/** What the other policies of the guard have reported. A check may leave to another policy what that one has said already, and nothing else. */
export interface Peers {
  /**
   * Whether a policy that comes earlier in policies/all.ts has refused something of that subject, at a level at least as strict as that of
   * the asking one. False where it is disabled, lowered or absent, and where it lets the subject pass.
   */
  readonly refused: (policy: string, about: ModelSubject | ServiceSubject) => boolean;
  /** Whether such a policy was asked about this stack, at whatever level: enough for what is only noted. */
  readonly isAsked: (policy: string) => boolean;
}

/** Nobody else has said anything. */
export const ALONE: Peers = { refused: () => false, isAsked: () => false };

/** A policy about one Model or service. It has one or more of the checks. */
export interface Rule<Schema extends z.ZodObject = z.ZodObject> extends Definition<Schema> {
  /**
   * The fields that the checks read, from the root of the manifest: `/^spec\.(contextSize|parallelSlots)\b/`. Where one of them is not
   * known yet, that is noted, and the check is left to the update. Without it a check runs with what is known.
   */
  readonly reads?: { readonly model?: RegExp; readonly service?: RegExp };
  /**
   * Of which kind the rule also reports resources that are no valid manifest. One rule does so for each kind; where that one is not in
   * force, or less strict, those after it do.
   */
  readonly reportsFaultsOf?: "Model" | "InferenceService";
  checkModel?(model: ModelSubject, config: z.output<Schema>, peers: Peers): Found;
  /** Needs nothing of the Model. */
  checkService?(service: ServiceSubject, config: z.output<Schema>, peers: Peers): Found;
  /** Runs as soon as the service and its Models are there, and not at all where a Model is in no stack. */
  checkServed?(served: ServedSubject, config: z.output<Schema>, peers: Peers): Found;
  /** Is told of an LlmModel before its resources are registered, with the locations of its files. It only begins work. */
  foresee?(sources: readonly string[], config: z.output<Schema>): void;
  /** With level `remediate`: what to change before the resource is made. Undefined: nothing. Only with all that it `reads` known. */
  remediateModel?(model: ModelSubject, config: z.output<Schema>): Remedied | Promise<Remedied>;
  remediateServed?(served: ServedSubject, config: z.output<Schema>): Remedied | Promise<Remedied>;
}

export type Remedied = Remedy | undefined;

export interface Remedy {
  /** New values by path: `{ "spec.cacheTypeK": "q8_0" }`. Objects on the way are made where they lack. */
  readonly changes: Readonly<Record<string, string | number>>;
  /** What was changed, from what, and why, for a person. It is noted on the resource. */
  readonly note: string;
}

/** A policy about all Models and services of a stack, at the end of the preview or update. */
export interface StackRule<Schema extends z.ZodObject = z.ZodObject> extends Definition<Schema> {
  /**
   * Whether anything can be found, by what was registered. Without it the rule always runs, and the SDK then reads the whole stack once more
   * for it, some 0.3 ms a resource: answer false where you can.
   */
  concerns?(registered: Registered, config: z.output<Schema>): boolean;
  checkStack(
    stack: StackSubject,
    config: z.output<Schema>,
    peers: Peers,
  ): readonly StackFinding[] | Promise<readonly StackFinding[]>;
}

/** How many of each were seen in this preview or update. */
export interface Registered {
  /** The same for all rules of one guard, and for no others. */
  readonly scope: object;
  readonly models: number;
  readonly services: number;
}

export interface StackFinding {
  readonly text: string;
  /** What it is about; the stack where it is left out. */
  readonly about?: ModelSubject | ServiceSubject;
}

export interface StackSubject {
  readonly models: readonly ModelSubject[];
  readonly services: readonly ServiceSubject[];
  /** The service with its Models; undefined where one of them is not in this stack, or not known yet. */
  readonly served: (service: ServiceSubject) => ServedSubject | undefined;
  /** All resources of the stack with their outputs, for example the LlmNodes. */
  readonly resources: readonly StackResource[];
  /** The same for all rules of one guard, and for no others. */
  readonly scope: object;
  /** The configuration of another policy; undefined where that one was not asked about this stack. */
  readonly configOf: (policy: string) => Readonly<Record<string, unknown>> | undefined;
}

export interface StackResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** The outputs that are known. */
  readonly props: () => Readonly<Record<string, unknown>>;
  /** Paths of those that are not known before the update. */
  readonly unknown: () => readonly string[];
}

/** Who it is. Models of two providers are two Models, whatever their names: each provider is a cluster or a folder. */
interface Identity {
  readonly urn: string;
  /** `Model default/gemma`: begins each message. */
  readonly label: string;
  readonly namespace: string;
  readonly name: string;
  /** Of `metadata`, those that are known. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** URN of the Kubernetes provider; empty where none is named, and the same for all default ones. */
  readonly provider: string;
  /** Paths of the fields whose values are not known before the update; `spec` does not have them. */
  readonly unknown: readonly string[];
}

export interface ModelSubject extends Identity {
  readonly kind: "Model";
  /** Defaults are applied. */
  readonly spec: KnownModelSpec;
  /** Of `spec.source`, all shards joined. Read once for all policies; fails where it cannot be read, and never rejects. */
  readonly header: () => Promise<Result<GgufHeader>>;
}

export interface ServiceSubject extends Identity {
  readonly kind: "InferenceService";
  /** Defaults are applied. */
  readonly spec: KnownServiceSpec;
}

export interface ServedSubject {
  readonly service: ServiceSubject & { readonly spec: InferenceServiceSpec };
  readonly model: ModelSubject;
  /** The Model that drafts, where the service has one. */
  readonly draft: ModelSubject | undefined;
}

export type KnownModelSpec = Omit<ModelSpec, "source"> & { readonly source?: string | undefined };
export type KnownServiceSpec = Omit<InferenceServiceSpec, "modelRef"> & { readonly modelRef?: string | undefined };
