import * as pulumi from "@pulumi/pulumi";
import { nodeAccount, SYSTEM_NAMESPACE } from "../../api/fleet.ts";
import { installCommand, MAC_FOLDER, TOKEN_FILE } from "../../cluster/install-command.ts";
import { nodeKubeconfig } from "../../cluster/kubeconfig.ts";
import { nodeManifests } from "../../cluster/node.ts";
import type { LlmNodeArgs } from "./fleet-args.ts";
import { resourcesOf } from "./objects.ts";

/** Arguments of `LlmNode` that make no sense without `server`. */
export const IDENTITY_ARGUMENTS = [
  "certificateAuthority",
  "namespace",
  "sshDestination",
  "token",
  "user",
  "home",
  "prefix",
] as const satisfies readonly (keyof LlmNodeArgs)[];

/** Outputs of `LlmNode` that exist with `server` only. */
export interface NodeIdentity {
  readonly serviceAccountName: pulumi.Output<string>;
  readonly kubeconfig: pulumi.Output<string>;
  readonly launchdPlist: pulumi.Output<string>;
  readonly installCommand: pulumi.Output<string>;
}

/** Creates the identity of a Mac in a cluster, below `parent`, and what installs its agent. */
export function createIdentity(
  name: string,
  nodeName: string,
  args: LlmNodeArgs & { readonly server: pulumi.Input<string> },
  parent: pulumi.Resource,
): NodeIdentity {
  const { namespace = SYSTEM_NAMESPACE, server, certificateAuthority, token, sshDestination } = args;
  const known = pulumi.output(namespace).apply((one) => nodeManifests({ nodeName, namespace: one }));
  resourcesOf(name, nodeManifests({ nodeName }), () => known, parent);
  const access = { nodeName, namespace, server, certificateAuthority };
  return {
    serviceAccountName: pulumi.output(nodeAccount(nodeName)),
    kubeconfig: pulumi.secret(pulumi.output({ ...access, token }).apply(kubeconfigOf)),
    launchdPlist: pulumi.output({ user: args.user, home: args.home, prefix: args.prefix }).apply(plistOf),
    // Without the token: the command is shown to people.
    installCommand: pulumi.output({ ...access, sshDestination }).apply((values) =>
      installCommand({
        ...{ nodeName, namespace: values.namespace, sshDestination: values.sshDestination ?? nodeName },
        kubeconfig: kubeconfigOf(values),
      }),
    ),
  };
}

interface Access {
  readonly nodeName: string;
  readonly namespace: string;
  readonly server: string;
  readonly certificateAuthority?: string | undefined;
  readonly token?: string | undefined;
}

function kubeconfigOf({ token, ...rest }: Access): string {
  return nodeKubeconfig({ ...rest, token: token === undefined ? { file: TOKEN_FILE } : { value: token } });
}

type Installation = { readonly [Key in "user" | "home" | "prefix"]: string | undefined };

async function plistOf({
  user = "llm",
  home = `/Users/${user}`,
  prefix = "/opt/homebrew",
}: Installation): Promise<string> {
  const { daemonPlist } = await import("../../cluster/launchd.ts");
  const program = `${prefix}/lib/node_modules/pulumi-llmkube/bin/pulumi-llmkube.js`;
  const kubeconfig = `${home}/${MAC_FOLDER}/kubeconfig`;
  const command = [`${prefix}/bin/node`, program, "agent", "--llama-server", `${prefix}/bin/llama-server`];
  return daemonPlist({ command: [...command, "--kubeconfig", kubeconfig], user, home, environment: {} });
}
