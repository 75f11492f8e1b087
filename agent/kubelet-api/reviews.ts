import * as z from "zod";
import type { KubeClient, KubeObject, KubeResult } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import type { Right } from "./attributes.ts";
import { authenticated, type User } from "./identity.ts";

/** What the API server knows about who may. Undefined: it has not answered. */
export interface Reviews {
  /** The user of a token; null where it is nobody's. */
  readonly userOf: (token: string) => Promise<User | null | undefined>;
  readonly mayOnNode: (user: User, right: Right) => Promise<boolean | undefined>;
}

const tokenReview = z.object({
  status: z.object({
    authenticated: z.boolean().optional(),
    user: z
      .object({
        // Absent where the token is nobody's.
        username: z.string().optional(),
        uid: z.string().optional(),
        groups: z.array(z.string()).optional(),
        extra: z.record(z.string(), z.array(z.string())).optional(),
      })
      .optional(),
    error: z.string().optional(),
  }),
});

const accessReview = z.object({
  status: z.object({ allowed: z.boolean(), denied: z.boolean().optional(), evaluationError: z.string().optional() }),
});

const TIMEOUT_MS = 10_000;

/**
 * Asks by TokenReview and SubjectAccessReview, which every node identity may create.
 *
 * @param say gets one sentence where the API server does not answer, and again only after it did
 */
export function reviewsOf(kube: KubeClient, nodeName: string, say: (message: string) => void): Reviews {
  let silent = false;
  const heard = <T>(result: KubeResult<KubeObject>, schema: z.ZodType<T>): T | undefined => {
    const parsed = result.ok ? schema.safeParse(result.value) : undefined;
    const failure = result.ok ? "it has no status" : result.error;
    if (parsed?.success !== true && !silent) say(`nobody new can read logs and metrics of this Mac: ${failure}`);
    silent = parsed?.success !== true;
    return parsed?.data;
  };
  const options = { timeoutMs: TIMEOUT_MS };
  return {
    userOf: async (token) => {
      const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } };
      const answer = heard(await kube.post(KINDS.tokenReview, undefined, undefined, body, options), tokenReview);
      if (answer === undefined) return undefined;
      const { authenticated: isKnown, user } = answer.status;
      if (isKnown !== true || !user?.username) return null;
      return authenticated({ name: user.username, uid: user.uid, groups: user.groups ?? [], extra: user.extra });
    },
    mayOnNode: async (user, right) => {
      const body = accessReviewFor(user, right, nodeName);
      const answer = heard(
        await kube.post(KINDS.subjectAccessReview, undefined, undefined, body, options),
        accessReview,
      );
      return answer?.status.allowed && answer.status.denied !== true;
    },
  };
}

function accessReviewFor({ name, uid, groups, extra }: User, { verb, subresource }: Right, nodeName: string) {
  return {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: {
      ...{ user: name, groups },
      ...(uid !== undefined && { uid }),
      ...(extra !== undefined && { extra }),
      resourceAttributes: { verb, version: "v1", resource: "nodes", subresource, name: nodeName },
    },
  };
}
