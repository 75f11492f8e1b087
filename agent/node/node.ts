import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { ok, type Result } from "../../api/result.ts";
import { readKubeconfig } from "../../kube/access/kubeconfig.ts";
import type { KubeClient } from "../../kube/client.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { StatusSink } from "../status/sink.ts";
import { namedAddress } from "./addresses.ts";
import { holderOf } from "./holder.ts";
import { openIdentity } from "./identity.ts";
import { openInstance } from "./instance.ts";
import { nodeKeeper } from "./keeper.ts";
import { nodeLease } from "./lease.ts";
import { machineFacts } from "./machine.ts";
import type { NodeOptions } from "./options.ts";
import { openSeen } from "./seen.ts";

/** This Mac as a Node of the cluster. */
export interface MacNode {
  /** Takes conditions from what the agent says of itself. */
  readonly sink: StatusSink;
  readonly runnables: readonly Runnable[];
  /** Sentences that a person should act on. */
  readonly problems: () => readonly string[];
  /** Sentences for information only. */
  readonly notes: () => readonly string[];
  /** Whether the name of the Node is this agent's. Before, and without, it must not write about pods or begin to serve one. */
  readonly isInCharge: () => boolean;
  /** Whether the API server has not yet said whose the name is, as while it is away since this agent began. */
  readonly isUnheard: () => boolean;
  /** The address that the Node has now; undefined without a network. */
  readonly address: () => string | undefined;
}

/**
 * Opens this Mac as a Node. It makes no request before its runnables run, so a cluster that is away keeps nobody from starting. Fails with
 * one sentence where the `--node-ip` is none of this machine's, or the state folder cannot be written.
 */
export async function openNode(options: NodeOptions): Promise<Result<MacNode>> {
  const { access, client, name, stateDirectory, stop, say } = options;
  const { clock = () => performance.now(), wall = Date.now } = options;
  const nodeIp =
    options.standIn || options.nodeIp === undefined ? ok(undefined) : namedAddress(options.nodeIp, networkInterfaces());
  if (!nodeIp.ok) return nodeIp;
  const machine = await machineFacts(options.platform);
  const instance = await openInstance(stateDirectory, name, machine.machineId);
  if (!instance.ok) return instance;
  const ending = () => stop.aborted;
  const seen = await openSeen(options, { machine, nodeIp: nodeIp.value, clock, changed: () => keeper.wake() });
  const keeper = nodeKeeper({
    ...{ client, name, facts: seen.facts, ending, say, clock, wall },
    isHeld: () => lease.isHeld(),
    registered: () => lease.renewNow(),
  });
  const [leaseClient, tokenClient] = [access.client(), access.clientAsItself()];
  const lease = nodeLease({
    ...{ client: leaseClient, name, holder: holderOf(name, instance.value.id), nodeUid: keeper.uid },
    ...{ trouble: options.healthy, refused: options.taken, ending, clock, wall },
    unanswered: () => {
      client.resetConnections().catch(() => {});
      options.unanswered?.();
    },
    changed: () => {
      keeper.wake();
      options.chargeChanged?.();
    },
  });
  const identity = await openIdentity({
    ...{ client: tokenClient, stateDirectory, clock, wall },
    givenToken: () => tokenOf(options.kubeconfig),
    useToken: access.replaceToken,
  });
  whenAborted(stop, keeper.wake);
  const owners = [closing(leaseClient, lease.runnable), closing(tokenClient, identity.runnable)];
  return ok({
    sink: { name: `the Node ${name}`, publish: async ({ agent }) => seen.heard(agent), terminated: async () => {} },
    runnables: [...owners, ...keeper.runnables, seen.runnable],
    problems: () => [...lease.problems(), ...keeper.problems(), ...identity.problems()],
    notes: () => formerNotes(instance.value.formerName, name),
    isInCharge: lease.isHeld,
    isUnheard: lease.isUnheard,
    address: seen.address,
  });
}

/** Whoever has a client of its own ends its connections. */
function closing(client: KubeClient, { name, run }: Runnable): Runnable {
  return { name, run: (signal) => run(signal).finally(() => client.close()) };
}

/** The token in the kubeconfig, or in the file that it names; undefined where it has none, or cannot be read now. */
async function tokenOf(kubeconfig: string): Promise<string | undefined> {
  try {
    const access = readKubeconfig(await readFile(kubeconfig, "utf8"), kubeconfig);
    if (!access.ok) return undefined;
    const { tokenFile, token } = access.value;
    return tokenFile === undefined ? token : (await readFile(tokenFile, "utf8")).trim();
  } catch {
    return undefined;
  }
}

/** What to do about the Node that this Mac was. Only a person can know that nothing else has its name now. */
function formerNotes(former: string | undefined, name: string): readonly string[] {
  if (former === undefined) return [];
  return [
    `this Mac was the Node ${former} before and is ${name} now: kubectl delete node ${former}, if nothing else has that name`,
  ];
}
