import * as z from "zod";
import { accountUser, CONTROLLER } from "../../cluster/names.ts";
import { CONTROLLER_RULES, MAC_RULES, type Rule } from "../../cluster/rights.ts";
import type { KubeClient, KubeResult } from "../../kube/client.ts";
import { KINDS, resource } from "../../kube/kinds.ts";
import { type Finding, skipped } from "./check.ts";

const SELF = resource("authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", "cluster");

/** What a Mac's user has from the Node authorizer, of which this can be asked without naming a pod. */
const NODE_RULES: readonly Rule[] = [
  { apiGroups: [""], resources: ["nodes"], verbs: ["create", "get"] },
  { apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"] },
  { apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"] },
];

interface Right {
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly verb: string;
  readonly name?: string;
}

/** Each single right of some rules. */
export function rightsOf(rules: readonly Rule[]): readonly Right[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [undefined] }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((path) => {
        const [plural = "", subresource] = path.split("/");
        const right = { group, resource: plural, ...(subresource !== undefined && { subresource }) };
        return verbs.flatMap((verb) =>
          resourceNames.map((name) => ({ ...right, verb, ...(name !== undefined && { name }) })),
        );
      }),
    ),
  );
}

const answer = z.object({ status: z.object({ allowed: z.boolean() }) });
const NODE = "system:node:";

/** With the kubeconfig of a Mac: that Mac's rights. With that of anybody else: the rights of the controller. */
export async function checkRights(
  subject: { readonly client: KubeClient; readonly impersonates: string | undefined; readonly namespace: string },
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { client, impersonates, namespace } = subject;
  const isMac = impersonates?.startsWith(NODE) === true;
  const who = isMac ? impersonates : accountUser(CONTROLLER, namespace);
  const named = isMac ? { name: impersonates.slice(NODE.length) } : {};
  const wanted = isMac
    ? [
        ...rightsOf(MAC_RULES),
        ...rightsOf(NODE_RULES).map((one) => (one.resource === "nodes" ? { ...one, ...named } : one)),
      ]
    : rightsOf(CONTROLLER_RULES);
  const missing: string[] = [];
  for (const right of wanted) {
    const allowed = await mayDo(client, isMac ? undefined : who, right, signal);
    if (!allowed.ok)
      return [allowed.kind === "forbidden" ? skipped(allowed.error) : { state: "failed", found: allowed.error }];
    if (!allowed.value) missing.push(words(right));
  }
  if (missing.length === 0) return [{ state: "ok", found: `${who} has all ${wanted.length} that it needs` }];
  const source = isMac ? "manifests node NAME, or LlmNode" : "manifests controller, or LlmController";
  return [{ state: "failed", found: `${who} may not ${missing.join(", ")}`, remedy: `pulumi-llmkube ${source}` }];
}

function words({ verb, resource: plural, subresource, name }: Right): string {
  return `${verb} ${plural}${subresource === undefined ? "" : `/${subresource}`}${name === undefined ? "" : ` ${name}`}`;
}

/** @param user undefined for who asks */
async function mayDo(
  client: KubeClient,
  user: string | undefined,
  resourceAttributes: Right,
  signal: AbortSignal,
): Promise<KubeResult<boolean>> {
  const kind = user === undefined ? SELF : KINDS.subjectAccessReview;
  const spec = {
    resourceAttributes,
    ...(user !== undefined && { user, groups: ["system:serviceaccounts", "system:authenticated"] }),
  };
  const body = { apiVersion: "authorization.k8s.io/v1", kind: kind.kind, spec };
  const asked = await client.post(kind, undefined, undefined, body, { signal });
  if (!asked.ok) return asked;
  const read = answer.safeParse(asked.value);
  return { ok: true, value: read.success && read.data.status.allowed };
}
