import * as pulumi from "@pulumi/pulumi";
import { checked, schemaProblem } from "../inputs/check.ts";
import { isOutput, plainArgument, plainTexts } from "../inputs/plain-inputs.ts";
import { componentType, withFormerType } from "../package-name.ts";
import { allocatableOf, memoryProblem } from "./declared-mac.ts";
import type { LlmNodeArgs } from "./fleet-args.ts";
import { llmNodeArgsSchema } from "./fleet-args-schema.ts";
import { createIdentity, IDENTITY_ARGUMENTS } from "./node-identity.ts";

const NAME = "LlmNode";
const OUTPUTS = {
  nodeName: undefined,
  memory: undefined,
  allocatable: undefined,
  labels: undefined,
  address: undefined,
  serviceAccountName: undefined,
  kubeconfig: undefined,
  launchdPlist: undefined,
  installCommand: undefined,
};

/**
 * One Mac: what policies must know of it to place models at preview and, if server is given, its identity in a cluster: a
 * ServiceAccount that may be the Mac's node and nothing else, and what installs the agent with it. No credential is kept
 * in the state of the stack, unless a token is given.
 */
export class LlmNode extends pulumi.ComponentResource {
  /** Name of the Mac's node. */
  declare readonly nodeName: pulumi.Output<string>;

  /** Physical memory of the Mac, as it was given. */
  declare readonly memory: pulumi.Output<string | undefined>;

  /**
   * What all models of the Mac together may use: a Kubernetes quantity in bytes, without a suffix; undefined if memory is
   * not given. It is the smallest of the share of the memory, the working set, and the memory less the reserve.
   */
  declare readonly allocatable: pulumi.Output<string | undefined>;

  /** Labels of the Mac, as they were given. */
  declare readonly labels: pulumi.Output<Record<string, string> | undefined>;

  /** Host name or IP address of the Mac, as it was given. */
  declare readonly address: pulumi.Output<string | undefined>;

  /**
   * Name of the Mac's ServiceAccount; undefined without server. Deleting it takes all rights of the Mac away at once.
   */
  declare readonly serviceAccountName: pulumi.Output<string | undefined>;

  /**
   * Kubeconfig of the agent; a secret, undefined without server. Without the argument token it names the file token
   * beside itself.
   */
  declare readonly kubeconfig: pulumi.Output<string | undefined>;

  /**
   * LaunchDaemon that starts the agent with the Mac, for those who install it by other means than installCommand;
   * undefined without server.
   */
  declare readonly launchdPlist: pulumi.Output<string | undefined>;

  /**
   * One line for a shell with kubectl and ssh: it creates the first token, writes it and the kubeconfig to the Mac in
   * files that only their owner may read, and installs the agent. It holds no secret. Undefined without server.
   */
  declare readonly installCommand: pulumi.Output<string | undefined>;

  constructor(name: string, args: LlmNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    // With a URN an existing component is read: Pulumi fills in the outputs, and nothing is created.
    super(
      componentType(NAME),
      name,
      opts?.urn === undefined ? shownOf(name, args) : OUTPUTS,
      withFormerType(NAME, opts),
    );
    if (opts?.urn !== undefined) return;

    const given = this.#checked(name, args);
    const { nodeName = name, server, memory, memoryFraction, reserve, workingSet } = given;
    this.nodeName = pulumi.output(nodeName);
    this.memory = pulumi.output(memory);
    this.allocatable = pulumi.output({ memory, memoryFraction, reserve, workingSet }).apply(allocatableOf);
    this.labels = pulumi.output(given.labels);
    this.address = pulumi.output(given.address);

    const identity = server === undefined ? undefined : createIdentity(name, nodeName, { ...given, server }, this);
    this.serviceAccountName = pulumi.output(identity?.serviceAccountName);
    this.kubeconfig = pulumi.output(identity?.kubeconfig);
    this.launchdPlist = pulumi.output(identity?.launchdPlist);
    this.installCommand = pulumi.output(identity?.installCommand);
    // Policies of the stack see what is registered here.
    const { allocatable, labels, address, serviceAccountName, kubeconfig, launchdPlist, installCommand } = this;
    const mac = { nodeName: this.nodeName, memory: this.memory, allocatable, labels, address };
    this.registerOutputs({ ...mac, serviceAccountName, kubeconfig, launchdPlist, installCommand });
  }

  #checked(name: string, args: LlmNodeArgs): LlmNodeArgs {
    const given = Object.entries(args ?? {}).filter(([, value]) => value !== undefined && value !== null);
    const joins = given.some(([argument]) => argument === "server");
    const problemOf = (known: unknown, missing: ReadonlySet<string>) =>
      schemaProblem(llmNodeArgsSchema, known, missing) ?? problemTogether(known as LlmNodeArgs, missing, joins);
    return checked<LlmNodeArgs>({ nodeName: name, ...Object.fromEntries(given) }, problemOf, (problem) => {
      throw new pulumi.ResourceError(`LlmNode ${name}: ${problem}`, this, true);
    });
  }
}

const AMOUNTS = ["memory", "memoryFraction", "reserve", "workingSet"] as const;

/** The data of the Mac as far as it is plain, for the account of a preview; wrong arguments are refused afterwards. */
function shownOf(name: string, args: LlmNodeArgs): Record<string, unknown> {
  const {
    nodeName = name,
    memory,
    reserve,
    workingSet,
  } = plainTexts(args, ["nodeName", "memory", "reserve", "workingSet"]);
  const fraction = plainArgument(args, "memoryFraction");
  const memoryFraction = typeof fraction === "number" ? fraction : undefined;
  const isComplete = !AMOUNTS.some((amount) => isOutput(args, amount));
  const allocatable = isComplete ? allocatableOf({ memory, memoryFraction, reserve, workingSet }) : undefined;
  const labels = plainArgument(args, "labels");
  return {
    nodeName,
    ...(memory !== undefined && { memory }),
    ...(allocatable !== undefined && { allocatable }),
    ...(typeof labels === "object" && { labels: plainTexts(labels ?? {}, Object.keys(labels ?? {})) }),
  };
}

/**
 * @param known arguments that the schema accepts
 * @param joins `server` is given, so that the resources of an identity are created, whatever it resolves to
 */
function problemTogether(known: LlmNodeArgs, missing: ReadonlySet<string>, joins: boolean): string | undefined {
  const isGiven = (argument: keyof LlmNodeArgs) => known[argument] !== undefined || missing.has(argument);
  if (joins && !isGiven("server")) return "server is missing; it must be an address such as https://10.0.0.1:6443";
  if (!joins) {
    const alone = IDENTITY_ARGUMENTS.find(isGiven);
    if (alone !== undefined) {
      return `${alone} is set, but server is not: it belongs to the identity of a Mac in a cluster; give server too, or leave it out`;
    }
    if (!isGiven("memory")) {
      return "memory and server are missing: give the memory of the Mac, for example 128Gi, or the server whose cluster it joins";
    }
  }
  return memoryProblem(known as pulumi.Unwrap<LlmNodeArgs>);
}
