import { fail, ok, type Result } from "../../api/result.ts";

/** What a request is about. */
export type Target =
  | { readonly is: "healthz" | "metrics" | "resource-metrics" | "summary" | "pods" }
  | { readonly is: "logs"; readonly namespace: string; readonly pod: string; readonly container: string }
  /** What a kubelet does inside a container. */
  | { readonly is: "in-container"; readonly what: string };

export interface Asked {
  /** Undefined: there is nothing at that path. */
  readonly target: Target | undefined;
  /** Without its query, as the client sent it. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const FIXED: Readonly<Record<string, Target>> = {
  "/healthz": { is: "healthz" },
  "/metrics": { is: "metrics" },
  "/metrics/resource": { is: "resource-metrics" },
  "/stats/summary": { is: "summary" },
  "/pods": { is: "pods" },
};

const IN_CONTAINER = new Set(["exec", "run", "attach", "portForward", "cri", "checkpoint"]);
const LONGEST_URL = 8192;
/** Names as Kubernetes has them: a DNS subdomain, which a pod's name is; namespaces and containers have less. */
const NAME = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Parses the target of a request. Paths have no escapes, no empty parts and no dots here: a name that Kubernetes allows needs none. So
 * whatever is decided by the path (who may) and whatever is answered are about the same thing.
 *
 * @param url `request.url`: a path and a query
 */
export function parseTarget(url: string): Result<Asked> {
  const [path = "", ...queries] = url.split("?");
  if (
    url.length > LONGEST_URL ||
    queries.length > 1 ||
    !/^(\/|(\/[A-Za-z0-9_.-]+)+)$/.test(path) ||
    /\/\.{1,2}(\/|$)/.test(path)
  ) {
    return fail("the URL must be a path of names, with one query at most");
  }
  return ok({ target: targetOf(path), path, query: new URLSearchParams(queries[0]) });
}

function targetOf(path: string): Target | undefined {
  if (Object.hasOwn(FIXED, path)) return FIXED[path];
  const [, what = "", ...names] = path.split("/");
  if (IN_CONTAINER.has(what)) return { is: "in-container", what };
  const [namespace, pod, container, ...more] = names;
  if (what !== "containerLogs" || more.length > 0) return undefined;
  if (namespace === undefined || pod === undefined || container === undefined) return undefined;
  return names.every((name) => NAME.test(name)) ? { is: "logs", namespace, pod, container } : undefined;
}
