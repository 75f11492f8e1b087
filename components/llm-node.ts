import * as pulumi from "@pulumi/pulumi";
import { nodeAccount, SYSTEM_NAMESPACE } from "../api/fleet.ts";
import { installCommand, MAC_FOLDER, TOKEN_FILE } from "../cluster/install-command.ts";
import { nodeKubeconfig } from "../cluster/kubeconfig.ts";
import { daemonPlist } from "../cluster/launchd.ts";
import { nodeManifests } from "../cluster/node.ts";
import { checked, schemaProblem } from "./check.ts";
import type { LlmNodeArgs } from "./fleet-args.ts";
import { llmNodeArgsSchema } from "./fleet-args-schema.ts";
import { resourcesOf } from "./objects.ts";
import { componentType, withFormerType } from "./package-name.ts";

const NAME = "LlmNode";
const OUTPUTS = {
  nodeName: undefined,
  serviceAccountName: undefined,
  kubeconfig: undefined,
  launchdPlist: undefined,
  installCommand: undefined,
};

/**
 * The identity of one Mac: a ServiceAccount that may be the Mac's node and nothing else, and what installs the agent with
 * it. No credential is kept in the state of the stack, unless a token is given.
 */
export class LlmNode extends pulumi.ComponentResource {
  /** Name of the Mac's node. */
  declare readonly nodeName: pulumi.Output<string>;

  /** Name of the Mac's ServiceAccount. Deleting it takes all rights of the Mac away at once. */
  declare readonly serviceAccountName: pulumi.Output<string>;

  /** Kubeconfig of the agent; a secret. Without the argument token it names the file token beside itself. */
  declare readonly kubeconfig: pulumi.Output<string>;

  /** LaunchDaemon that starts the agent with the Mac, for those who install it by other means than installCommand. */
  declare readonly launchdPlist: pulumi.Output<string>;

  /**
   * One line for a shell with kubectl and ssh: it creates the first token, writes it and the kubeconfig to the Mac in
   * files that only their owner may read, and installs the agent. It holds no secret.
   */
  declare readonly installCommand: pulumi.Output<string>;

  constructor(name: string, args: LlmNodeArgs, opts?: pulumi.ComponentResourceOptions) {
    // With a URN an existing component is read: Pulumi fills in the outputs, and nothing is created.
    super(componentType(NAME), name, opts?.urn === undefined ? {} : OUTPUTS, withFormerType(NAME, opts));
    if (opts?.urn !== undefined) return;

    const given = this.#checked(name, args);
    const { nodeName = name, namespace = SYSTEM_NAMESPACE } = given;
    const known = pulumi.output(namespace).apply((one) => nodeManifests({ nodeName, namespace: one }));
    resourcesOf(name, nodeManifests({ nodeName }), () => known, this);

    this.nodeName = pulumi.output(nodeName);
    this.serviceAccountName = pulumi.output(nodeAccount(nodeName));
    this.kubeconfig = pulumi.secret(pulumi.output({ ...given, nodeName, namespace }).apply(kubeconfigOf));
    this.launchdPlist = pulumi.output(given).apply(plistOf);
    const withoutToken = { ...given, token: undefined };
    this.installCommand = pulumi.output({ ...withoutToken, nodeName, namespace }).apply((values) =>
      installCommand({
        ...{ nodeName, namespace: values.namespace, sshDestination: values.sshDestination ?? nodeName },
        kubeconfig: kubeconfigOf(values),
      }),
    );
    const { serviceAccountName, kubeconfig, launchdPlist } = this;
    this.registerOutputs({
      ...{ nodeName: this.nodeName, serviceAccountName, kubeconfig, launchdPlist },
      installCommand: this.installCommand,
    });
  }

  #checked(name: string, args: LlmNodeArgs): LlmNodeArgs {
    return checked(
      { ...args, nodeName: args?.nodeName ?? name },
      (known, missing) => schemaProblem(llmNodeArgsSchema, known, missing),
      (problem) => {
        throw new pulumi.ResourceError(`LlmNode ${name}: ${problem}`, this, true);
      },
    );
  }
}

interface Resolved {
  readonly nodeName: string;
  readonly namespace: string;
  readonly server: string;
  readonly certificateAuthority?: string | undefined;
  readonly token?: string | undefined;
}

function kubeconfigOf({ token, ...rest }: Resolved): string {
  return nodeKubeconfig({ ...rest, token: token === undefined ? { file: TOKEN_FILE } : { value: token } });
}

function plistOf(args: pulumi.Unwrap<LlmNodeArgs>): string {
  const { user = "llm", prefix = "/opt/homebrew" } = args;
  const { home = `/Users/${user}` } = args;
  const program = `${prefix}/lib/node_modules/pulumi-llmkube/bin/pulumi-llmkube.js`;
  const kubeconfig = `${home}/${MAC_FOLDER}/kubeconfig`;
  const command = [`${prefix}/bin/node`, program, "agent", "--llama-server", `${prefix}/bin/llama-server`];
  return daemonPlist({ command: [...command, "--kubeconfig", kubeconfig], user, home, environment: {} });
}
