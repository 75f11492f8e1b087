/** The right that a request needs: a verb on a subresource of this Node. */
export interface Right {
  readonly verb: string;
  readonly subresource: string;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** First part of a path, and the subresources of which each alone is enough. All else is `proxy`. */
const SUBRESOURCES: Readonly<Record<string, readonly string[]>> = {
  stats: ["stats"],
  metrics: ["metrics"],
  logs: ["log"],
  pods: ["pods", "proxy"],
};

/**
 * The rights of which one must be held, the narrowest first, as kubelet asks for them (pkg/kubelet/server/auth.go, and KEP 2862 for
 * `pods`): `/containerLogs` is `proxy`, and `log` is for the logs of the machine, which are not served here.
 *
 * @returns none for a method that has no verb, which nobody may use
 */
export function rightsFor(method: string, path: string): readonly Right[] {
  const verb = Object.hasOwn(VERBS, method) ? VERBS[method] : undefined;
  if (verb === undefined) return [];
  const first = path.split("/")[1] ?? "";
  const subresources = Object.hasOwn(SUBRESOURCES, first) ? SUBRESOURCES[first] : undefined;
  return (subresources ?? ["proxy"]).map((subresource) => ({ verb, subresource }));
}
