import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Logger } from "pino";
import { fail, ok, type Result } from "../api/result.ts";
import { systemClock } from "../kube/clock.ts";
import { leaderElection } from "../kube/lease/leader-election.ts";
import { type ControllerMetrics, controllerMetrics } from "./http/metrics.ts";
import { serveHealth } from "./http/server.ts";
import { LEADER_LEASE } from "./lease.ts";
import type { ControllerOptions } from "./options.ts";
import { type Work, work } from "./work.ts";

/** Runs the controller until the signal is aborted. Fails with one sentence where it cannot begin; whatever fails later is tried again. */
export async function runController(
  options: ControllerOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<Result<void>> {
  const { access, clock = systemClock } = options;
  const client = access.client();
  const identity = `${hostname()}_${randomUUID()}`;
  let current: Work | undefined;
  const metrics = controllerMetrics({
    isLeader: () => current !== undefined,
    isSynced: () => current?.isSynced() ?? false,
    queued: () => current?.queued() ?? {},
    headerReads: () => current?.headerReads() ?? 0,
    watched: () => current?.watched() ?? {},
    relists: () => current?.relists() ?? {},
  });
  const closeHealth = await openHealth(options, metrics, log, () => current);
  if (!closeHealth.ok) return closeHealth;
  const lead = async (leading: AbortSignal) => {
    current = work({ ...options, client, clock, identity, log, metrics, signal: AbortSignal.any([leading, signal]) });
    await current.run();
    current = undefined;
  };
  const unanswered = () => {
    client.resetConnections().catch(() => {});
  };
  log.info(`looking after ${options.namespace ?? "all namespaces"} of ${access.server}`);
  try {
    if (options.leaderElection) await elected(options, identity, lead, log, signal, unanswered);
    else await lead(signal);
  } finally {
    await closeHealth.value();
    await client.close();
  }
  return ok(undefined);
}

async function elected(
  { access, leaseNamespace: namespace = LEADER_LEASE.namespace, clock = systemClock }: ControllerOptions,
  identity: string,
  lead: (leading: AbortSignal) => Promise<void>,
  log: Logger,
  signal: AbortSignal,
  unanswered: () => void,
): Promise<void> {
  // Connections of its own: a renewal waits behind no list.
  const client = access.client({ timeoutMs: 5000 });
  const report = (message: string) => log.info(message);
  const lease = { ...LEADER_LEASE, namespace };
  try {
    await leaderElection({ client, lease, identity, unanswered, report, clock }).run(lead, signal);
  } finally {
    await client.close();
  }
}

async function openHealth(
  { listen }: ControllerOptions,
  { registry }: ControllerMetrics,
  log: Logger,
  current: () => Work | undefined,
): Promise<Result<() => Promise<void>>> {
  if (listen === "off") return ok(async () => {});
  const health = {
    stuck: () => current()?.stuck(),
    unready: () => (current()?.isSynced() === false ? "not everything that is watched has been listed yet" : undefined),
  };
  const server = await serveHealth(listen, health, registry);
  if (!server.ok) return fail(server.error);
  log.info(`health and metrics are at ${server.value.url}`);
  return ok(server.value.close);
}
