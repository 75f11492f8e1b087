import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

/** One request that kube-apiserver answered. */
export interface AuditedRequest {
  readonly atMs: number;
  /** Whose rights counted: the impersonated user where there is one. */
  readonly user: string;
  readonly verb: string;
  /** `pods`, `pods/status`; empty for what is no resource, such as /version. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly code: number;
  readonly userAgent: string;
}

export interface AuditLog {
  /** Time from which on requests are asked for, in the clock of the log. */
  now: () => number;
  /** All that were received from `fromMs` until `untilMs`; watches are there from their start. */
  requests: (window?: {
    readonly fromMs?: number;
    readonly untilMs?: number;
    readonly user?: string;
  }) => Promise<readonly AuditedRequest[]>;
}

const text = z.string().default("");
const entryShape = z.object({
  stage: z.string(),
  verb: z.string(),
  requestReceivedTimestamp: z.string(),
  user: z.object({ username: z.string() }),
  impersonatedUser: z.object({ username: z.string() }).optional(),
  userAgent: text,
  objectRef: z.object({ resource: text, subresource: text, namespace: text, name: text }).optional(),
  responseStatus: z.object({ code: z.number().default(0) }).optional(),
});

/** Each request once: a watch when it begins, everything else when it is answered. */
const POLICY = JSON.stringify({
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "Metadata" }],
});

export function auditLogPath(folder: string): string {
  return join(folder, "audit.log");
}

/** Writes the policy and returns the arguments of kube-apiserver. */
export async function auditArguments(folder: string): Promise<readonly string[]> {
  const policy = join(folder, "audit-policy.json");
  await writeFile(policy, POLICY);
  return [
    `--audit-policy-file=${policy}`,
    `--audit-log-path=${auditLogPath(folder)}`,
    "--audit-log-maxsize=10000",
    // Written before the answer is sent, so that a test which has its answer finds its request.
    "--audit-log-mode=blocking-strict",
  ];
}

export function auditLog(folder: string): AuditLog {
  return {
    now: () => Date.now(),
    requests: async ({ fromMs = 0, untilMs = Number.POSITIVE_INFINITY, user } = {}) => {
      const lines = (await readFile(auditLogPath(folder), "utf8")).split("\n");
      // The last line may be half written.
      return lines
        .slice(0, -1)
        .flatMap(parseEntry)
        .filter(({ atMs }) => atMs >= fromMs && atMs < untilMs)
        .filter((entry) => user === undefined || entry.user === user);
    },
  };
}

function parseEntry(line: string): readonly AuditedRequest[] {
  const entry = entryShape.parse(JSON.parse(line));
  const watch = entry.verb === "watch";
  if (watch ? entry.stage !== "ResponseStarted" : entry.stage === "ResponseStarted") return [];
  const { resource = "", subresource = "", namespace = "", name = "" } = entry.objectRef ?? {};
  return [
    {
      atMs: Date.parse(entry.requestReceivedTimestamp),
      user: entry.impersonatedUser?.username ?? entry.user.username,
      verb: entry.verb,
      resource: subresource === "" ? resource : `${resource}/${subresource}`,
      namespace,
      name,
      code: entry.responseStatus?.code ?? 0,
      userAgent: entry.userAgent,
    },
  ];
}

/** How many requests there are of each user, verb and resource, as `user verb resource`: for tables and for messages of failures. */
export function countRequests(requests: readonly AuditedRequest[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { user, verb, resource } of requests) {
    const key = `${user} ${verb} ${resource}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}
