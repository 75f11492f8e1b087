import { nodeUser } from "../../api/fleet.ts";
import { isNodeName, NODE_NAME_RULE, nodeNameProblem } from "../../api/node-name.ts";
import { fail, ok, type Result } from "../../api/result.ts";

const USER_PREFIX = nodeUser("");

export interface NameGiven {
  /** `--node-name`. */
  readonly given?: string | undefined;
  /** The user that the kubeconfig impersonates (`as`), or that it is. */
  readonly user?: string | undefined;
  readonly hostname: string;
}

/**
 * The name of this Mac's Node: `--node-name`; else that of its identity, which may act for that Node alone and which a changed hostname
 * leaves as it is; else the first label of the hostname, in lower case. macOS changes what follows it with the network.
 */
export function nodeName({ given, user, hostname }: NameGiven): Result<string> {
  const own = user?.startsWith(USER_PREFIX) ? user.slice(USER_PREFIX.length) : undefined;
  if (given !== undefined) {
    const problem = nodeNameProblem(given);
    if (problem !== undefined) return fail(problem);
    if (own === undefined || own === given) return ok(given);
    return fail(
      `this kubeconfig is the identity of the Node ${own}, not of ${given}: leave --node-name out, or use the kubeconfig of ${given}`,
    );
  }
  if (own !== undefined) {
    return isNodeName(own)
      ? ok(own)
      : fail(`the kubeconfig impersonates ${JSON.stringify(user)}, which names no Node: ${NODE_NAME_RULE}`);
  }
  const label = (hostname.split(".")[0] ?? "").toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
  const made = label.replaceAll(/^-+|-+$/g, "");
  if (isNodeName(made)) return ok(made);
  return fail(
    `no name of a Node can be made of the hostname ${JSON.stringify(hostname)}: give one with --node-name; ${NODE_NAME_RULE}`,
  );
}
