import { allocatableOf, type DeclaredMemory } from "../../components/fleet/declared-mac.ts";
import { onDemandAnnotations } from "../../components/model/on-demand.ts";
import { modelSpec, serviceSpec } from "../../components/model/specs.ts";

/** A resource as a program registers it. */
export interface Shown {
  readonly type: string;
  readonly name: string;
  /** What the policies see of it. */
  readonly inputs: object;
  /** Of the component that made it. */
  readonly parent?: string;
  /** Name of its Kubernetes provider. */
  readonly provider?: string;
}

/** Where, and under which provider. */
export interface Options {
  readonly provider?: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const API_VERSION = "inference.llmkube.dev/v1alpha1";
const PROJECT = "urn:pulumi:dev::home::";
const LLM_MODEL = "llmkube:index:LlmModel";

/** Arguments of LlmModel. They are not held to its schema here, so that a wrong one reaches the policies as a hand-written manifest does. */
export interface ModelArgs {
  readonly source?: unknown;
  readonly serving?: object;
  readonly [argument: string]: unknown;
}

/** The resources that `new LlmModel(name, args)` makes: a Model, and an InferenceService if it is served. */
export function llmModel(name: string, { serving, ...args }: ModelArgs, options: Options = {}): readonly Shown[] {
  const spec = modelSpec(args as unknown as Parameters<typeof modelSpec>[0]);
  const model = manifest("Model", name, spec, options);
  if (serving === undefined) return [ofComponent(model, name)];
  const { gateway } = args as { readonly gateway?: string };
  const annotations = onDemandAnnotations(serving, gateway) as Readonly<Record<string, string>> | undefined;
  const ofService = annotations === undefined ? options : { ...options, annotations };
  const service = manifest("InferenceService", name, serviceSpec(name, serving), ofService);
  return [ofComponent(model, name), ofComponent(service, name)];
}

function ofComponent(shown: Shown, component: string): Shown {
  return { ...shown, parent: `${PROJECT}${LLM_MODEL}::${component}` };
}

/** A resource that a program writes as a manifest. */
export function manifest(
  kind: "Model" | "InferenceService",
  name: string,
  spec: object,
  { provider, namespace = "default", annotations }: Options = {},
): Shown {
  const metadata = { name, namespace, ...(annotations !== undefined && { annotations }) };
  return {
    type: `kubernetes:${API_VERSION}:${kind}`,
    name: provider === undefined ? name : `${provider}-${name}`,
    inputs: { apiVersion: API_VERSION, kind, metadata, spec },
    ...(provider !== undefined && { provider }),
  };
}

/** `new LlmNode(name, mac)`. */
export function llmNode(name: string, mac: DeclaredMemory, labels?: Readonly<Record<string, string>>): Shown {
  const inputs = { nodeName: name, memory: mac.memory, allocatable: allocatableOf(mac), labels };
  return { type: "llmkube:index:LlmNode", name, inputs };
}

const PROVIDER = "pulumi:providers:kubernetes";

/** A provider that renders manifests to a folder, which the agent of a Mac reads. */
export function folder(name: string, path = `/srv/${name}`): Shown {
  return { type: PROVIDER, name, inputs: { renderYamlToDirectory: path } };
}

export function providerUrn(name: string): string {
  return `${PROJECT}${PROVIDER}::${name}`;
}

export function urnOf({ type, name, parent }: Shown): string {
  const ancestors = parent === undefined ? "" : `${parent.split("::")[2]}$`;
  return `${PROJECT}${ancestors}${type}::${name}`;
}
