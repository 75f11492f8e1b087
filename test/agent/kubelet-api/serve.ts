import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { type RequestOptions, request } from "node:https";
import { join } from "node:path";
import { Registry } from "@prometheus-io/client";
import { type KubeletApi, openKubeletApi } from "../../../agent/kubelet-api/kubelet-api.ts";
import type { KubeletApiOptions } from "../../../agent/kubelet-api/options.ts";
import { type Authority, type Identity, makeAuthority } from "../../support/cluster/certificates.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aStatus, aWorkloadStatus } from "../http/recorded.ts";
import { type FakeKube, fakeKube } from "./fake-kube.ts";

/** A kubelet API on loopback with one pod, in front of a stand-in for the API server. */
export interface Served {
  readonly kube: FakeKube;
  readonly api: KubeletApi;
  readonly authority: Authority;
  readonly folder: string;
  /** Where the one pod's log is. */
  readonly logPath: string;
  readonly said: string[];
  /** Runs one request to its end. */
  get: (path: string, options?: Asking) => Promise<Answer>;
  /** Sends a request, and returns with the head of the answer. */
  open: (path: string, options?: Asking) => Promise<IncomingMessage>;
  close: () => Promise<void>;
}

export interface Asking {
  readonly token?: string;
  readonly identity?: Identity;
  readonly method?: string;
  readonly headers?: RequestOptions["headers"];
}

export interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

export const POD = { namespace: "team", name: "chat-7d9-x2x", uid: "5f0e" } as const;
export const LOGS = `/containerLogs/${POD.namespace}/${POD.name}/llama-server`;
/** That the fake API server knows, and lets do everything. */
export const ADMIN = "admin-token";

export async function serve(options: Partial<KubeletApiOptions> = {}): Promise<Served> {
  const folder = await temporaryDirectory();
  const authority = await makeAuthority(folder, "client-ca");
  const kube = fakeKube();
  kube.users.set(ADMIN, { name: "admin", groups: ["system:masters"] });
  kube.mayAll.add("admin");
  const logPath = join(folder, "5f0e.log");
  const said: string[] = [];
  const opened = await openKubeletApi({
    kube,
    nodeName: "mac-1",
    addresses: () => ["127.0.0.1"],
    port: 0,
    host: "127.0.0.1",
    clientCa: await readFile(authority.certFile, "utf8"),
    stateDirectory: folder,
    pods: () => [{ metadata: POD, spec: { nodeName: "mac-1" } }],
    logPathOf: (namespace, pod, container) =>
      namespace === POD.namespace && pod === POD.name && container === "llama-server" ? logPath : undefined,
    status: () => aStatus([aWorkloadStatus("team/chat", { id: POD.uid, pid: process.pid, measuredBytes: 2 ** 30 })]),
    registry: new Registry(),
    cpuSeconds: async () => 12.5,
    say: (message) => said.push(message),
    ...options,
  });
  if (!opened.ok) throw new Error(opened.error);
  const stop = new AbortController();
  const running = opened.value.runnables.map((runnable) => runnable.run(stop.signal));
  const open = (path: string, asking: Asking = {}) => ask(opened.value.port, path, asking);
  return {
    ...{ kube, authority, folder, logPath, said, api: opened.value, open },
    get: async (path, asking) => {
      const answer = await open(path, asking);
      return { status: answer.statusCode, headers: answer.headers, text: await textOf(answer) };
    },
    close: async () => {
      stop.abort();
      await Promise.all(running);
    },
  };
}

export async function ask(port: number, path: string, asking: Asking): Promise<IncomingMessage> {
  const { token, identity, method = "GET", headers } = asking;
  const credentials = identity && { cert: await readFile(identity.certFile), key: await readFile(identity.keyFile) };
  const asked = request({
    ...{ host: "127.0.0.1", port, path, method, agent: false, rejectUnauthorized: false },
    headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...credentials,
  });
  asked.end();
  const [answer] = await once(asked, "response");
  return answer;
}

export async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
