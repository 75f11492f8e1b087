import { nodeUser } from "../../api/fleet.ts";
import { fail, ok, type Result } from "../../api/result.ts";

/** The longest DNS name, and the longest value of a label: a Node's name is both. */
const LONGEST = 63;
/** RFC 1123, as the API server holds names of Nodes to it. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

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
    if (!isNodeName(given)) return fail(`${JSON.stringify(given)} is no name of a Node: ${RULE}`);
    if (own === undefined || own === given) return ok(given);
    return fail(
      `this kubeconfig is the identity of the Node ${own}, not of ${given}: leave --node-name out, or use the kubeconfig of ${given}`,
    );
  }
  if (own !== undefined) {
    return isNodeName(own)
      ? ok(own)
      : fail(`the kubeconfig impersonates ${JSON.stringify(user)}, which names no Node: ${RULE}`);
  }
  const label = (hostname.split(".")[0] ?? "").toLowerCase().replaceAll(/[^a-z0-9-]+/g, "-");
  const made = label.replaceAll(/^-+|-+$/g, "");
  if (isNodeName(made)) return ok(made);
  return fail(
    `no name of a Node can be made of the hostname ${JSON.stringify(hostname)}: give one with --node-name; ${RULE}`,
  );
}

const RULE = `it has lower-case letters, digits, "-" and ".", begins and ends with a letter or digit, and has at most ${LONGEST} characters`;

function isNodeName(text: string): boolean {
  return text.length <= LONGEST && NAME.test(text);
}
