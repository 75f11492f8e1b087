import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pino } from "pino";
import { SYSTEM_NAMESPACE } from "../../../api/fleet.ts";
import { type ControllerOptions, runController } from "../../../controller/run.ts";
import { openKubeAccess } from "../../../kube/open-client.ts";
import { controllerManifests } from "../../../manifests/controller.ts";
import { CONTROLLER } from "../../../manifests/names.ts";
import { startServer, sendRange, type TestServer } from "../../gguf/range-server.ts";
import type { Cluster } from "../../support/cluster/cluster.ts";
import type { IdentityOptions } from "../../support/cluster/identities.ts";

/** The user that the API server sees where the controller asks. */
export const CONTROLLER_USER = `system:serviceaccount:${SYSTEM_NAMESPACE}:${CONTROLLER}`;

/** What a person installs before the controller: roles, policies, PriorityClasses. */
export async function installController(cluster: Cluster): Promise<void> {
  await cluster.kubectl(["apply", "--server-side", "-f", "-"], { input: controllerManifests({ crds: false }) });
}

export interface RunningController {
  /** What it has logged so far. */
  readonly lines: readonly string[];
  readonly stop: () => Promise<void>;
}

/** The real controller in this process, with the rights of its ServiceAccount and no others. */
export async function startController(
  cluster: Cluster,
  options: Partial<ControllerOptions> = {},
  identity: IdentityOptions = {},
): Promise<RunningController> {
  const kubeconfig = await cluster.asServiceAccount(SYSTEM_NAMESPACE, CONTROLLER, identity);
  const access = await openKubeAccess({ kubeconfig, userAgent: CONTROLLER });
  if (!access.ok) throw new Error(access.error);
  const lines: string[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => lines.push(String(JSON.parse(line).msg)) });
  const end = new AbortController();
  const running = runController(
    {
      access: access.value,
      ports: { first: 18_000, last: 19_999 },
      workers: 4,
      listen: "off",
      leaderElection: false,
      allowLocalSources: true,
      ...options,
    },
    log,
    end.signal,
  );
  const stop = async () => {
    end.abort();
    const ended = await running;
    if (!ended.ok) throw new Error(ended.error);
  };
  return { lines, stop };
}

const HEAD = join(import.meta.dirname, "..", "..", "fixtures", "gemma3-270m.gguf.header");
const FILE_BYTES = 246_602_592;

/** Serves the header of Gemma 3 270M under every path, and counts who asks. */
export async function serveWeights(): Promise<TestServer> {
  const head = await readFile(HEAD);
  return startServer((request, response) => sendRange(request, response, { head, fileBytes: FILE_BYTES, etag: '"one"' }));
}
