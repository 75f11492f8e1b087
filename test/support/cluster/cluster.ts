import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { controllerManifests } from "../../../cluster/index.ts";
import { ensureTool, type ToolName } from "../../../toolchain/ensure.ts";
import { type ControlPlane, SERVICE_ACCOUNT_KEY, startControlPlane } from "../control-plane.ts";
import { type AuditLog, auditArguments, auditLog } from "./audit.ts";
import { makeAuthority } from "./certificates.ts";
import { type Child, lastLines, startChild } from "./child.ts";
import { type Identities, identitiesOf } from "./identities.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { type Kubectl, kubectlFor } from "./kubectl.ts";
import { untilTrue } from "./until.ts";

export { CONTROL_PLANE_TIMEOUT_MS } from "../control-plane.ts";

export interface ClusterOptions {
  /** kube-scheduler and kube-controller-manager too; default: true. Without them no namespace has a ServiceAccount, so no pod can be created. */
  readonly schedulerAndControllers?: boolean;
  /** Seconds without a Lease after which a Node counts as dead; default: 16, since an agent renews it each 10 s. That of Kubernetes is 50. */
  readonly nodeGraceSeconds?: number;
  /** Installs the CRDs of this package; default: true. */
  readonly crds?: boolean;
  /** More arguments of each part. */
  readonly arguments?: {
    readonly apiServer?: readonly string[];
    readonly scheduler?: readonly string[];
    readonly controllerManager?: readonly string[];
  };
}

/** A whole control plane of Kubernetes on loopback, of this process alone, and what tests do with it. */
export interface Cluster extends ControlPlane, Identities {
  kubectl: Kubectl;
  /** An object or a list as JSON, as `kubectl get ARGS -o json` has it. */
  read: (...args: readonly string[]) => Promise<unknown>;
  audit: AuditLog;
  /** Signs the CSRs of this cluster, and is the API server's `--client-ca-file`. */
  clientCaFile: string;
  installCrds: () => Promise<void>;
  /** All that `pulumi-llmkube manifests controller` prints, but for the Deployment: roles, PriorityClasses and admission policies too. */
  installFleet: () => Promise<void>;
}

const CRDS = join(import.meta.dirname, "..", "..", "..", "crds");
const CLIENT_CA = "client-ca";
const READY_TIMEOUT_MS = 60_000;

/** The user that the API server is for an agent, and the role that kubeadm gives it. */
const KUBELET_CLIENT = "kube-apiserver-kubelet-client";

/**
 * etcd, kube-apiserver (Node and RBAC authorization, NodeRestriction, audit log), kube-scheduler and kube-controller-manager. Ready in
 * about 6 s once they are built; give the hook that calls this a timeout of `CONTROL_PLANE_TIMEOUT_MS`.
 * @throws Error with the last lines of the log of the part that did not come up
 */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const { schedulerAndControllers = true, crds = true } = options;
  const tokens = { scheduler: randomUUID(), controllerManager: randomUUID() };
  const plane = await startControlPlane({
    users: {
      [tokens.scheduler]: "system:kube-scheduler",
      [tokens.controllerManager]: "system:kube-controller-manager",
    },
    apiServerArguments: async (folder) => [
      ...(await kubeletClientArguments(folder)),
      ...(await auditArguments(folder)),
      ...(options.arguments?.apiServer ?? []),
    ],
  });
  const children: Child[] = [];
  const stop = async () => {
    await Promise.all(children.map((child) => child.kill()));
    await plane.stop();
  };
  try {
    const kubectl = await kubectlFor(plane.kubeconfigPath, join(plane.folder, "kubectl-cache"));
    await kubectl([
      "create",
      "clusterrolebinding",
      KUBELET_CLIENT,
      "--clusterrole=system:kubelet-api-admin",
      `--user=${KUBELET_CLIENT}`,
    ]);
    const installCrds = async () => {
      await kubectl(["apply", "--server-side", "-f", CRDS]);
      await established(kubectl);
    };
    if (crds) await installCrds();
    if (schedulerAndControllers) children.push(...(await startControllers(plane, kubectl, tokens, options)));
    const read = async (...args: readonly string[]): Promise<unknown> =>
      JSON.parse(await kubectl(["get", ...args, "-o", "json"]));
    return {
      ...plane,
      ...identitiesOf(plane, kubectl),
      kubectl,
      read,
      audit: auditLog(plane.folder),
      clientCaFile: join(plane.folder, `${CLIENT_CA}.crt`),
      installCrds,
      installFleet: async () => {
        await kubectl(["apply", "--server-side", "-f", "-"], { input: controllerManifests() });
        await established(kubectl);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function established(kubectl: Kubectl): Promise<void> {
  await kubectl(["wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS]);
}

/** With these the API server can ask an agent for logs, and whoever has a certificate of the authority is a user. */
async function kubeletClientArguments(folder: string): Promise<readonly string[]> {
  const authority = await makeAuthority(folder, CLIENT_CA);
  const { certFile, keyFile } = await authority.issue("kubelet-client", `CN=${KUBELET_CLIENT}`);
  return [
    `--client-ca-file=${authority.certFile}`,
    `--kubelet-client-certificate=${certFile}`,
    `--kubelet-client-key=${keyFile}`,
    "--kubelet-preferred-address-types=InternalIP",
    "--enable-admission-plugins=NodeRestriction",
  ];
}

interface Tokens {
  readonly scheduler: string;
  readonly controllerManager: string;
}

/** Resolves when a new namespace gets its ServiceAccount, which is when pods can be created. */
async function startControllers(
  plane: ControlPlane,
  kubectl: Kubectl,
  tokens: Tokens,
  options: ClusterOptions,
): Promise<readonly Child[]> {
  const parts = [
    { name: "kube-scheduler", token: tokens.scheduler, args: schedulerArguments(options) },
    {
      name: "kube-controller-manager",
      token: tokens.controllerManager,
      args: controllerManagerArguments(plane, options),
    },
  ] as const satisfies readonly { name: ToolName; token: string; args: readonly string[] }[];
  const ca = await readFile(plane.caFile, "utf8");
  const children: Child[] = [];
  try {
    for (const { name, token, args } of parts) {
      const binary = await ensureTool(name);
      const kubeconfig = await writeKubeconfig(join(plane.folder, `${name}.kubeconfig`), {
        server: plane.server,
        ca,
        token,
      });
      children.push(startChild(binary, [`--kubeconfig=${kubeconfig}`, ...args], logOf(plane, name)));
    }
    const account = () => kubectl(["get", "serviceaccount", "default", "-n", "default", "-o", "name"]);
    await untilTrue("the default namespace has a ServiceAccount", account, () => true, {
      timeoutMs: READY_TIMEOUT_MS,
    });
    return children;
  } catch (error) {
    const ends = await Promise.all(parts.map(({ name }) => lastLines(logOf(plane, name))));
    await Promise.all(children.map((child) => child.kill()));
    throw new Error(`The controllers of Kubernetes did not come up:\n${ends.join("\n")}`, { cause: error });
  }
}

function logOf(plane: ControlPlane, name: string): string {
  return join(plane.folder, `${name}.log`);
}

function schedulerArguments(options: ClusterOptions): readonly string[] {
  return ["--leader-elect=false", "--secure-port=0", ...(options.arguments?.scheduler ?? [])];
}

function controllerManagerArguments(plane: ControlPlane, options: ClusterOptions): readonly string[] {
  const { nodeGraceSeconds = 16 } = options;
  return [
    "--leader-elect=false",
    "--secure-port=0",
    "--use-service-account-credentials=true",
    `--service-account-private-key-file=${join(plane.folder, SERVICE_ACCOUNT_KEY)}`,
    `--root-ca-file=${plane.caFile}`,
    `--cluster-signing-cert-file=${join(plane.folder, `${CLIENT_CA}.crt`)}`,
    `--cluster-signing-key-file=${join(plane.folder, `${CLIENT_CA}.key`)}`,
    `--node-monitor-grace-period=${nodeGraceSeconds}s`,
    "--node-monitor-period=1s",
    ...(options.arguments?.controllerManager ?? []),
  ];
}
