import type { KubeClient } from "../client.ts";
import { type Clock, sleep, systemClock } from "../clock.ts";
import { leaseKeeper } from "./keeper.ts";

export interface LeaderElectionOptions {
  /** With connections of its own: a renewal must not wait behind other requests. */
  readonly client: KubeClient;
  readonly lease: { readonly namespace: string; readonly name: string };
  /** Of this process alone: a host name and something random. */
  readonly identity: string;
  /** How long others wait after the last renewal that they saw; default: 15 s. */
  readonly durationMs?: number;
  /** Without a renewal for so long the lead is given up; default: 10 s. Shorter than `durationMs`, by what the leader's last write may take. */
  readonly renewDeadlineMs?: number;
  /** Between renewals, and between looks at the Lease of another; default: 2 s. */
  readonly retryMs?: number;
  /** A renewal got no answer: other connections to the server are likely as dead. */
  readonly unanswered?: () => void;
  readonly report?: (message: string) => void;
  readonly clock?: Clock;
  /** From 0 to 1. */
  readonly random?: () => number;
}

export interface LeaderElection {
  /**
   * Until the signal is aborted: waits for the Lease, then runs `lead`, whose signal is aborted when the lead is lost. The Lease is only
   * waited for again once `lead` has ended, and given back at the end.
   */
  run(lead: (leading: AbortSignal) => Promise<void>, signal: AbortSignal): Promise<void>;
  isLeader(): boolean;
}

const RELEASE_TIMEOUT_MS = 5000;

/**
 * One of several processes leads: the one that holds a Lease. Only this machine's monotonic clock is compared, so clocks that are wrong do no
 * harm; the leader counts its deadline from when it sent its last good renewal, so it stops before another may start.
 */
export function leaderElection(options: LeaderElectionOptions): LeaderElection {
  const { lease, identity, clock = systemClock, random = Math.random, report = () => {} } = options;
  const { durationMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2000 } = options;
  const keeper = leaseKeeper({ ...options, clock, durationMs });
  const name = `${lease.namespace}/${lease.name}`;
  let leading = false;

  /** When the renewal was sent that made this the leader. */
  async function acquired(signal: AbortSignal): Promise<number> {
    let said: string | undefined;
    for (;;) {
      const sentAt = clock.monotonic();
      const taken = await keeper.hold({ timeoutMs: renewDeadlineMs / 2, signal });
      if (taken.ok || signal.aborted) return sentAt;
      if (said !== taken.error) report(`waiting for the lead: ${taken.error}`);
      said = taken.error;
      await sleep(clock, retryMs * (1 + random()), signal);
    }
  }

  /** Ends when the lead is lost, or the signal is aborted. */
  async function renew(acquiredAt: number, signal: AbortSignal): Promise<void> {
    let deadline = acquiredAt + renewDeadlineMs;
    while (!signal.aborted) {
      await sleep(clock, Math.min(retryMs, deadline - clock.monotonic()), signal);
      const sentAt = clock.monotonic();
      if (signal.aborted || sentAt >= deadline) return;
      const renewed = await within(deadline - sentAt, signal, (inTime) =>
        keeper.hold({ timeoutMs: renewDeadlineMs / 2, signal: inTime }),
      );
      if (renewed.ok) deadline = sentAt + renewDeadlineMs;
      else if (!keeper.isHeld()) return;
      else if (!signal.aborted && renewed.status === undefined) options.unanswered?.();
    }
  }

  /** Holding may take several requests: all of them end in this time. */
  async function within<T>(milliseconds: number, signal: AbortSignal, work: (inTime: AbortSignal) => Promise<T>) {
    const late = new AbortController();
    const cancel = clock.timer(() => late.abort(), milliseconds);
    return await work(AbortSignal.any([signal, late.signal])).finally(cancel);
  }

  async function term(lead: (leading: AbortSignal) => Promise<void>, acquiredAt: number, signal: AbortSignal) {
    const lost = new AbortController();
    const ended = new AbortController();
    leading = true;
    report(`leading as "${identity}"`);
    const work = lead(lost.signal)
      .catch((error: unknown) => report(`the leader's work failed: ${String(error)}`))
      .finally(() => ended.abort());
    const over = AbortSignal.any([signal, ended.signal]);
    await renew(acquiredAt, over);
    leading = false;
    if (!over.aborted) report(`the lead is lost: the Lease ${name} was not renewed in time`);
    lost.abort();
    await work;
    const given = await keeper.release({ timeoutMs: RELEASE_TIMEOUT_MS });
    if (!given.ok) report(`the Lease ${name} could not be given back: ${given.error}`);
  }

  return {
    isLeader: () => leading,
    run: async (lead, signal) => {
      while (!signal.aborted) {
        const acquiredAt = await acquired(signal);
        if (signal.aborted) return await releaseUnled();
        await term(lead, acquiredAt, signal);
        await sleep(clock, retryMs, signal);
      }
    },
  };

  /** The end came while the Lease was taken. */
  async function releaseUnled(): Promise<void> {
    await keeper.release({ timeoutMs: RELEASE_TIMEOUT_MS });
  }
}
