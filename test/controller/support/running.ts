import { pino } from "pino";
import { SYSTEM_NAMESPACE } from "../../../api/fleet.ts";
import { controllerManifests } from "../../../cluster/controller.ts";
import { CONTROLLER } from "../../../cluster/names.ts";
import type { ControllerOptions } from "../../../controller/options.ts";
import { runController } from "../../../controller/run.ts";
import { openKubeAccess } from "../../../kube/open-client.ts";
import { startServer, type TestServer } from "../../gguf/range-server.ts";
import type { Cluster } from "../../support/cluster/cluster.ts";
import type { IdentityOptions } from "../../support/cluster/identities.ts";
import { gemmaServed } from "./gemma-served.ts";

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
  { namespace = SYSTEM_NAMESPACE, ...identity }: IdentityOptions & { readonly namespace?: string } = {},
): Promise<RunningController> {
  const kubeconfig = await cluster.asServiceAccount(namespace, CONTROLLER, identity);
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

/** Serves the header of Gemma 3 270M under every path, and counts who asks. */
export async function serveWeights(): Promise<TestServer> {
  return startServer(await gemmaServed());
}
