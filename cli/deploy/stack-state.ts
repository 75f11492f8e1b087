import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import { DEFAULT_NAMESPACE } from "../../api/constants.ts";
import { ON_DEMAND_ANNOTATIONS } from "../../api/on-demand.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { onDemandAnnotations } from "../../components/model/on-demand.ts";
import { modelSpec, serviceSpec } from "../../components/model/specs.ts";
import { type DeployedArgs, type Deployment, plain } from "./deployment.ts";
import { FLAG_OF } from "./flag-names.ts";
import { endpointHostOf, type Target, targetOf } from "./target.ts";

const record = z.record(z.string(), z.unknown());

const stateSchema = z.object({
  resources: z
    .array(
      z.object({
        urn: z.string(),
        type: z.string(),
        inputs: record.optional(),
        parent: z.string().optional(),
        delete: z.boolean().optional(),
        modified: z.string().optional(),
      }),
    )
    .nullish(),
});

type Resource = NonNullable<z.output<typeof stateSchema>["resources"]>[number];

/** A deployment as a stack holds it. */
export interface Deployed extends Deployment {
  /** When one of its objects was last changed, in ISO 8601; undefined where an old engine did not note it. */
  readonly updatedAt: string | undefined;
}

/** What a stack of `deploy` holds. */
export interface StackState {
  /** Undefined while nothing is deployed. */
  readonly target: Target | undefined;
  readonly deployments: readonly Deployed[];
}

const COMPONENT = /^(pulumi-)?llmkube:index:LlmModel$/;
const PROVIDER = "pulumi:providers:kubernetes";
const MODEL = /^kubernetes:inference\.llmkube\.dev\/v1alpha1:Model$/;
const SERVICE = /^kubernetes:inference\.llmkube\.dev\/v1alpha1:InferenceService$/;

/**
 * Reads the deployments out of a stack's state, which is the only place where they are kept. Fails for a stack that `deploy` could
 * not have made, so that it never drops what it does not know.
 *
 * @param deployment the `deployment` of `pulumi stack export`
 */
export function readStackState(deployment: unknown, stack: string): Result<StackState> {
  const parsed = stateSchema.safeParse(deployment ?? {});
  if (!parsed.success) return fail(`the state of stack ${stack} cannot be read: it is of another version of Pulumi`);
  const resources = (parsed.data.resources ?? []).filter((one) => one.delete !== true);
  const foreign = resources.find(({ type }) => !isOurs(type));
  if (foreign !== undefined) return fail(notOurs(stack, `it holds ${nameIn(foreign.urn)} of type ${foreign.type}`));
  const provider = resources.find(({ type }) => type === PROVIDER);
  const target = provider && targetOf(provider.inputs ?? {});
  const deployments: Deployed[] = [];
  for (const component of resources.filter(({ type }) => COMPONENT.test(type))) {
    const children = resources.filter(({ parent }) => parent === component.urn);
    const model = children.find(({ type }) => MODEL.test(type));
    const service = children.find(({ type }) => SERVICE.test(type));
    // A run that was cut short left one of the two or none: that is no deployment, and the next run takes it away.
    if (model === undefined || service === undefined || target === undefined) continue;
    const deployed = deployedOf(nameIn(component.urn), model, service, target);
    if (deployed === undefined)
      return fail(notOurs(stack, `${nameIn(component.urn)} has settings that deploy cannot set`));
    deployments.push(deployed);
  }
  return ok({ target, deployments });
}

function isOurs(type: string): boolean {
  return (
    type === "pulumi:pulumi:Stack" || type === PROVIDER || [COMPONENT, MODEL, SERVICE].some((one) => one.test(type))
  );
}

function notOurs(stack: string, why: string): string {
  return `stack ${stack} has outgrown deploy: ${why}; change it with its own program and pulumi up`;
}

/** The last part of a URN: the name in the program. */
function nameIn(urn: string): string {
  return urn.split("::").at(-1) ?? urn;
}

/** Undefined where the same arguments would not make the same objects. */
function deployedOf(name: string, model: Resource, service: Resource, target: Target): Deployed | undefined {
  const [made, served] = [objectOf(model), objectOf(service)];
  const { namespace } = made.metadata;
  const args = argsOf(made.spec, served, namespace, target);
  const annotations = onDemandAnnotations(args.serving, undefined);
  const same =
    isSettable(args) &&
    isDeepStrictEqual(plain(modelSpec(args)), made.spec) &&
    isDeepStrictEqual(plain(serviceSpec(name, args.serving)), served.spec) &&
    isDeepStrictEqual(made.metadata, { name, namespace }) &&
    // The component decides on the name of the service.
    isDeepStrictEqual({ ...served.metadata, name }, plain({ name, namespace, annotations }));
  if (!same) return undefined;
  const times = [model, service].flatMap(({ modified }) => modified ?? []);
  return { name, args, updatedAt: times.sort().at(-1) };
}

/** Whether there is a flag for each argument, so that the same command line can say them all. */
function isSettable({ serving, endpointHost: _ofTarget, ...ofModel }: DeployedArgs): boolean {
  const paths = [...Object.keys(ofModel), ...Object.keys(serving).map((name) => `serving.${name}`)];
  return paths.every((path) => Object.hasOwn(FLAG_OF, path));
}

function objectOf({ inputs = {} }: Resource) {
  return { metadata: record.catch({}).parse(inputs["metadata"]), spec: record.catch({}).parse(inputs["spec"]) };
}

/** The arguments that these objects were made from. What has no argument is left out, and shows in the comparison. */
function argsOf(
  model: Record<string, unknown>,
  service: ReturnType<typeof objectOf>,
  namespace: unknown,
  target: Target,
): DeployedArgs {
  const { hardware, ...ofModel } = model;
  const { gpu, ...ofHardware } = record.catch({}).parse(hardware);
  const { modelRef: _own, endpoint, ...settings } = service.spec;
  const args = {
    ...ofModel,
    ...ofHardware,
    gpuLayers: record.catch({}).parse(gpu)["layers"],
    namespace: namespace === DEFAULT_NAMESPACE ? undefined : namespace,
    serving: {
      ...settings,
      ...onDemandOf(record.catch({}).parse(service.metadata["annotations"])),
      port: record.catch({}).parse(endpoint)["port"],
    },
    endpointHost: endpointHostOf(target),
  };
  // Whatever is of another type makes other objects, and is refused.
  return plain(args) as unknown as DeployedArgs;
}

/** The settings that annotations stand for. */
function onDemandOf(annotations: Readonly<Record<string, unknown>>) {
  const { idleUnload, aliases, promptCache, savedSlots } = ON_DEMAND_ANNOTATIONS;
  const names = annotations[aliases];
  return {
    idleUnload: annotations[idleUnload],
    aliases: typeof names === "string" ? names.split(",") : undefined,
    promptCache: annotations[promptCache],
    savedSlots: annotations[savedSlots],
  };
}
