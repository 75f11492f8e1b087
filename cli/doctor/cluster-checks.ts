import * as z from "zod";
import { MAC_OS_LABEL_VALUE, MAC_TAINT, NODE_LABELS, PRIORITY_CLASSES } from "../../api/fleet.ts";
import type { KubeObject } from "../../kube/client.ts";
import type { Finding } from "./check.ts";

// What is found is judged here; cluster.ts asks for it.

const toleration = z.object({
  key: z.string().optional(),
  operator: z.string().optional(),
  value: z.string().optional(),
  effect: z.string().optional(),
});
const expression = z.object({ key: z.string(), operator: z.string(), values: z.array(z.string()).optional() });
const daemonSet = z.object({
  spec: z.object({
    template: z.object({
      spec: z.object({
        nodeSelector: z.record(z.string(), z.string()).optional(),
        tolerations: z.array(toleration).optional(),
        affinity: z
          .object({
            nodeAffinity: z
              .object({
                requiredDuringSchedulingIgnoredDuringExecution: z
                  .object({
                    nodeSelectorTerms: z.array(z.object({ matchExpressions: z.array(expression).optional() })),
                  })
                  .optional(),
              })
              .optional(),
          })
          .optional(),
      }),
    }),
  }),
});

/** Whether a DaemonSet makes a pod for each Mac: it tolerates the taint of Macs, and neither selector nor affinity keeps it away. */
export function reachesMacs(object: KubeObject): boolean {
  const read = daemonSet.safeParse(object);
  if (!read.success) return false;
  const { nodeSelector = {}, tolerations = [], affinity } = read.data.spec.template.spec;
  const tolerates = tolerations.some(
    ({ key, operator, value, effect }) =>
      (effect === undefined || effect === "" || effect === MAC_TAINT.effect) &&
      (key === undefined || key === "" ? operator === "Exists" : key === MAC_TAINT.key) &&
      (operator === "Exists" || value === MAC_TAINT.value),
  );
  const os = nodeSelector[NODE_LABELS.os];
  if (!tolerates || (os !== undefined && os !== MAC_OS_LABEL_VALUE)) return false;
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  // One term is enough for a node, so each must exclude Macs.
  return terms === undefined || terms.some(({ matchExpressions = [] }) => !matchExpressions.some(excludesMacs));
}

function excludesMacs({ key, operator, values = [] }: z.infer<typeof expression>): boolean {
  if (key !== NODE_LABELS.os) return false;
  const named = values.includes(MAC_OS_LABEL_VALUE);
  return operator === "NotIn" ? named : operator === "In" ? !named : operator === "DoesNotExist";
}

export function judgeDaemonSets(objects: readonly KubeObject[]): Finding {
  const reaching = objects.filter(reachesMacs).map(nameOf);
  if (reaching.length === 0) return { state: "ok", found: "none makes pods for Macs" };
  return {
    state: "warning",
    found: `${reaching.join(", ")}: their pods stay Pending on Macs, which blocks the upgrades of these DaemonSets`,
    remedy: `give each a required node affinity: key ${NODE_LABELS.os}, operator NotIn, values [${MAC_OS_LABEL_VALUE}]`,
  };
}

export function judgeDefinitions(missing: readonly string[]): Finding {
  if (missing.length === 0) return { state: "ok", found: "Model and InferenceService are defined" };
  return { state: "failed", found: `${missing.join(" and ")} are not defined`, remedy: MANIFESTS };
}

const MANIFESTS = "pulumi-llmkube manifests controller | kubectl apply -f -, or LlmController";

export function judgeNames(what: string, wanted: readonly string[], there: readonly KubeObject[]): Finding {
  const missing = wanted.filter((name) => !there.some(({ metadata }) => metadata.name === name));
  if (missing.length === 0) return { state: "ok", found: `${wanted.length} of ${wanted.length} ${what}` };
  return { state: "failed", found: `missing: ${missing.join(", ")}`, remedy: MANIFESTS };
}

export const PRIORITY_CLASS_NAMES = Object.values(PRIORITY_CLASSES).map(({ name }) => name);

const leaseSpec = z.object({
  spec: z.object({
    holderIdentity: z.string().optional(),
    renewTime: z.iso.datetime({ offset: true }).optional(),
    leaseDurationSeconds: z.number().optional(),
  }),
});

/** @param now milliseconds since 1970, of this machine, whose clock may differ from the controller's by some seconds */
export function judgeLease(lease: KubeObject | undefined, now: number): Finding {
  const remedy =
    "look at its Deployment: kubectl get deployments --all-namespaces -l app.kubernetes.io/name=pulumi-llmkube";
  const spec = leaseSpec.safeParse(lease).data?.spec;
  if (!spec?.holderIdentity || spec.renewTime === undefined) {
    return { state: "failed", found: "no controller holds the Lease, so no model is scheduled", remedy };
  }
  const seconds = Math.round((now - Date.parse(spec.renewTime)) / 1000);
  if (seconds > 4 * (spec.leaseDurationSeconds ?? 15)) {
    return {
      state: "failed",
      found: `${spec.holderIdentity} held the Lease, and renewed it last ${seconds} s ago`,
      remedy,
    };
  }
  return { state: "ok", found: `${spec.holderIdentity} holds the Lease` };
}

const node = z.object({
  spec: z.object({ taints: z.array(z.object({ key: z.string(), effect: z.string() })).optional() }).optional(),
  status: z.object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).optional() }).optional(),
});

/** @param macs Nodes whose label says darwin */
export function judgeMacs(macs: readonly KubeObject[]): readonly Finding[] {
  if (macs.length === 0)
    return [{ state: "warning", found: "no Mac has joined", remedy: "pulumi-llmkube manifests node NAME, or LlmNode" }];
  const read = macs.map((mac) => ({ name: mac.metadata.name, ...node.safeParse(mac).data }));
  const away = read.filter(
    ({ status }) => !status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True"),
  );
  const bare = read.filter(
    ({ spec }) => !spec?.taints?.some(({ key, effect }) => key === MAC_TAINT.key && effect === MAC_TAINT.effect),
  );
  const names = (some: readonly { name: string }[]) => some.map(({ name }) => name).join(", ");
  const ready: Finding =
    away.length === 0
      ? { state: "ok", found: `${macs.length} of ${macs.length} are Ready` }
      : { state: "warning", found: `not Ready: ${names(away)}`, remedy: "pulumi-llmkube status on that Mac says why" };
  const taint: Finding[] =
    bare.length === 0
      ? []
      : [
          {
            state: "warning",
            found: `without the taint ${MAC_TAINT.key}: ${names(bare)}: pods that are not for Macs land there and stay Pending`,
            remedy: `kubectl taint nodes NAME ${MAC_TAINT.key}=${MAC_TAINT.value}:${MAC_TAINT.effect}`,
          },
        ];
  return [ready, ...taint];
}

const request = z.object({
  spec: z.object({ signerName: z.string(), username: z.string().optional() }),
  status: z.object({ conditions: z.array(z.object({ type: z.string() })).optional() }).optional(),
});

/** CSRs of the Macs for the certificate that their kubelet API serves with. */
export function judgeRequests(requests: readonly KubeObject[], macs: readonly KubeObject[]): Finding {
  const users = new Set(macs.map(({ metadata }) => `system:node:${metadata.name}`));
  const pending = requests.filter((one) => {
    const { spec, status } = request.safeParse(one).data ?? {};
    const serving = spec?.signerName === "kubernetes.io/kubelet-serving" && users.has(spec.username ?? "");
    return serving && (status?.conditions ?? []).length === 0;
  });
  if (pending.length === 0) return { state: "ok", found: "none of a Mac waits" };
  const names = pending.map(({ metadata }) => metadata.name).join(" ");
  return {
    state: "warning",
    found: `${pending.length} wait for approval, so kubectl logs has a self-signed certificate to trust`,
    remedy: `kubectl certificate approve ${names}`,
  };
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
