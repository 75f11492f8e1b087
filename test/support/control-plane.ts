import { generateKeyPairSync, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import getPort from "get-port";
import pRetry from "p-retry";
import { Agent, request } from "undici";
import { ensureTool } from "../../toolchain/ensure.ts";
import { type Child, lastLines, startChild } from "./cluster/child.ts";
import { writeKubeconfig } from "./cluster/kubeconfig.ts";
import { temporaryDirectory } from "./workspace.ts";

/** A real etcd and kube-apiserver on loopback, of this process alone. */
export interface ControlPlane {
  /** `https://127.0.0.1:PORT` */
  server: string;
  /** Bearer token of a member of system:masters. */
  token: string;
  /** PEM file that the server's certificate is verified with. */
  caFile: string;
  /** For `KubeConfig.loadFromFile`, kubectl and `KUBECONFIG`; holds server, token and CA. */
  kubeconfigPath: string;
  /** Folder of everything that belongs to it; gone after `stop`. */
  folder: string;
  /** Output of etcd and kube-apiserver, for a failing test to show. */
  logs: { etcd: string; apiServer: string };
  /** Kills kube-apiserver, and starts it again at the same address with what etcd holds. */
  apiServer: { kill: () => Promise<void>; start: () => Promise<void> };
  /** Kills both and removes their data. May be called twice. */
  stop: () => Promise<void>;
}

export interface ControlPlaneOptions {
  /** More arguments of kube-apiserver, which may refer to files that are made in its folder now. */
  readonly apiServerArguments?: (folder: string) => Promise<readonly string[]>;
  /** More users than `admin`, by their tokens. */
  readonly users?: Readonly<Record<string, string>>;
}

const READY_TIMEOUT_MS = 90_000;
const LOOPBACK = "127.0.0.1";

/** Files in the folder of a control plane that others need too. */
export const SERVICE_ACCOUNT_KEY = "service-account.key";

/**
 * Ready in about 3 s once both binaries are built; the first call on a machine builds them, which takes minutes: give
 * the hook that calls this a timeout of `CONTROL_PLANE_TIMEOUT_MS`.
 * @throws Error with the last lines of the log of the part that did not come up
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const etcd = await ensureTool("etcd");
  const binary = await ensureTool("kube-apiserver");
  const folder = await temporaryDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const logs = { etcd: join(folder, "etcd.log"), apiServer: join(folder, "kube-apiserver.log") };
  const children: { etcd?: Child; apiServer?: Child } = {};
  const stop = async () => {
    await Promise.all([children.apiServer?.kill(), children.etcd?.kill()]);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const [clientPort, peerPort, port] = await Promise.all([loopbackPort(), loopbackPort(), loopbackPort()]);
    const database = `http://${LOOPBACK}:${clientPort}`;
    children.etcd = startChild(etcd, etcdArguments(folder, database, `http://${LOOPBACK}:${peerPort}`), logs.etcd);
    const token = randomUUID();
    await writeCredentials(folder, { ...options.users, [token]: "admin" });
    const more = (await options.apiServerArguments?.(folder)) ?? [];
    const args = [...apiServerArguments(folder, database, port), ...more];
    const server = `https://${LOOPBACK}:${port}`;
    const caFile = join(folder, "certs", "apiserver.crt");
    const startApiServer = async () => {
      children.apiServer = startChild(binary, args, logs.apiServer);
      await untilReady(server, token, caFile, children.apiServer.ended);
    };
    await startApiServer();
    const ca = await readFile(caFile, "utf8");
    const kubeconfigPath = await writeKubeconfig(join(folder, "kubeconfig"), { server, token, ca });
    const apiServer = { kill: async () => children.apiServer?.kill(), start: startApiServer };
    return { server, token, caFile, kubeconfigPath, folder, logs, apiServer, stop };
  } catch (error) {
    const ends = await Promise.all(Object.values(logs).map((log) => lastLines(log)));
    await stop();
    throw new Error(`The control plane did not come up:\n${ends.join("\n")}`, { cause: error });
  }
}

/** Long enough for all binaries to be built from source on two busy cores. */
export const CONTROL_PLANE_TIMEOUT_MS = 20 * 60_000;

function etcdArguments(folder: string, client: string, peer: string): readonly string[] {
  return [
    `--data-dir=${join(folder, "etcd")}`,
    "--unsafe-no-fsync",
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--log-level=warn",
  ];
}

function apiServerArguments(folder: string, database: string, port: number): readonly string[] {
  return [
    `--etcd-servers=${database}`,
    `--bind-address=${LOOPBACK}`,
    `--advertise-address=${LOOPBACK}`,
    `--secure-port=${port}`,
    `--cert-dir=${join(folder, "certs")}`,
    "--endpoint-reconciler-type=none",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${join(folder, "service-account.pub")}`,
    `--service-account-signing-key-file=${join(folder, SERVICE_ACCOUNT_KEY)}`,
    "--service-cluster-ip-range=10.0.0.0/16",
    "--authorization-mode=Node,RBAC",
    `--token-auth-file=${join(folder, "tokens.csv")}`,
  ];
}

/** @param users names by tokens; `admin` becomes a member of system:masters */
async function writeCredentials(folder: string, users: Readonly<Record<string, string>>): Promise<void> {
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  await writeFile(join(folder, "service-account.pub"), keys.publicKey);
  await writeFile(join(folder, SERVICE_ACCOUNT_KEY), keys.privateKey, { mode: 0o600 });
  const lines = Object.entries(users).map(([token, user]) => {
    const groups = user === "admin" ? `,"system:masters"` : "";
    return `${token},${user},${user}${groups}\n`;
  });
  await writeFile(join(folder, "tokens.csv"), lines.join(""), { mode: 0o600 });
}

/** The server writes its certificate itself, so until then there is nothing to connect with. */
async function untilReady(server: string, token: string, caFile: string, signal: AbortSignal): Promise<void> {
  const attempt = async () => {
    const dispatcher = new Agent({ connect: { ca: await readFile(caFile) } });
    try {
      const headers = { authorization: `Bearer ${token}` };
      const { statusCode, body } = await request(`${server}/readyz`, { headers, dispatcher });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`/readyz answered ${statusCode}: ${text}`);
    } finally {
      await dispatcher.destroy();
    }
  };
  await pRetry(attempt, { retries: 1000, factor: 1, minTimeout: 150, maxRetryTime: READY_TIMEOUT_MS, signal });
}

function loopbackPort(): Promise<number> {
  return getPort({ host: LOOPBACK, reserve: true });
}
