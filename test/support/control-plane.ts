import { generateKeyPairSync, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import getPort from "get-port";
import pRetry from "p-retry";
import { Agent, request } from "undici";
import { ensureTool } from "../../toolchain/ensure.ts";
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
  /** Output of etcd and kube-apiserver, for a failing test to show. */
  logs: { etcd: string; apiServer: string };
  /** Kills both and removes their data. May be called twice. */
  stop: () => Promise<void>;
}

const READY_TIMEOUT_MS = 90_000;
const LOOPBACK = "127.0.0.1";

/**
 * Ready in about 3 s once both binaries are built; the first call on a machine builds them, which takes minutes: give
 * the hook that calls this a timeout of `CONTROL_PLANE_TIMEOUT_MS`.
 * @throws Error with the last lines of the log of the part that did not come up
 */
export async function startControlPlane(): Promise<ControlPlane> {
  const etcd = await ensureTool("etcd");
  const apiServer = await ensureTool("kube-apiserver");
  const folder = await temporaryDirectory(existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
  const logs = { etcd: join(folder, "etcd.log"), apiServer: join(folder, "kube-apiserver.log") };
  const died = new AbortController();
  const children = new Set<ReturnType<typeof start>>();
  const stop = async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const [clientPort, peerPort, port] = await Promise.all([loopbackPort(), loopbackPort(), loopbackPort()]);
    const database = `http://${LOOPBACK}:${clientPort}`;
    children.add(start(etcd, etcdArguments(folder, database, `http://${LOOPBACK}:${peerPort}`), logs.etcd, died));
    const token = randomUUID();
    await writeCredentials(folder, token);
    children.add(start(apiServer, apiServerArguments(folder, database, port), logs.apiServer, died));
    const server = `https://${LOOPBACK}:${port}`;
    const caFile = join(folder, "certs", "apiserver.crt");
    await untilReady(server, token, caFile, died.signal);
    const kubeconfigPath = join(folder, "kubeconfig");
    await writeFile(kubeconfigPath, kubeconfig(server, token, await readFile(caFile)));
    return { server, token, caFile, kubeconfigPath, logs, stop };
  } catch (error) {
    const ends = await Promise.all(Object.values(logs).map(lastLines));
    await stop();
    throw new Error(`The control plane did not come up:\n${ends.join("\n")}`, { cause: error });
  }
}

/** Long enough for both binaries to be built from source on two busy cores. */
export const CONTROL_PLANE_TIMEOUT_MS = 20 * 60_000;

/** Ends with this process at the latest; its own end before that aborts the wait for readiness. */
function start(command: string, args: readonly string[], log: string, died: AbortController) {
  const child = execa(command, args, {
    stdin: "ignore",
    stdout: { file: log },
    stderr: { file: log, append: true },
    buffer: false,
    reject: false,
  });
  child.then(
    (result) => died.abort(new Error(result.shortMessage ?? `${command} ended`)),
    (error: unknown) => died.abort(error),
  );
  return child;
}

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
    `--service-account-signing-key-file=${join(folder, "service-account.key")}`,
    "--service-cluster-ip-range=10.0.0.0/24",
    "--authorization-mode=Node,RBAC",
    `--token-auth-file=${join(folder, "tokens.csv")}`,
  ];
}

async function writeCredentials(folder: string, token: string): Promise<void> {
  const keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  await writeFile(join(folder, "service-account.pub"), keys.publicKey);
  await writeFile(join(folder, "service-account.key"), keys.privateKey, { mode: 0o600 });
  await writeFile(join(folder, "tokens.csv"), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
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

function kubeconfig(server: string, token: string, ca: Buffer): string {
  const name = "control-plane";
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server, "certificate-authority-data": ca.toString("base64") } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  });
}

function loopbackPort(): Promise<number> {
  return getPort({ host: LOOPBACK, reserve: true });
}

async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "(no log)");
  return `${path}:\n${text.trim().split("\n").slice(-8).join("\n")}`;
}
