/** What this agent holds, for the other agents of the machine. */
export interface Holding {
  readonly servers: readonly HeldServer[];
  /** The charge of what admission would start now, in bytes; 0 if nothing. */
  readonly pendingBytes: number;
}

export interface HeldServer {
  readonly pid: number;
  readonly startTime?: string | undefined;
  readonly chargeBytes: number;
}

export function heldBytesOf(servers: readonly HeldServer[]): number {
  return servers.reduce((sum, { chargeBytes }) => sum + chargeBytes, 0);
}

/** A charge that shrinks by less is not told, so that a claim is not written each second because a measurement moves a little. */
const SLACK_BYTES = 16 * 2 ** 20;

/**
 * The servers with the charges that a claim shows: never below the real ones, and at most 16 MiB above.
 *
 * @param before what the claim shows now
 */
export function publishedServers(before: readonly HeldServer[], servers: readonly HeldServer[]): readonly HeldServer[] {
  return servers.map((server) => {
    const shown = before.find(({ pid, startTime }) => pid === server.pid && startTime === server.startTime);
    const above = (shown?.chargeBytes ?? 0) - server.chargeBytes;
    if (shown !== undefined && above >= 0 && above < SLACK_BYTES) return shown;
    return { ...server, chargeBytes: Math.ceil(server.chargeBytes / 2 ** 20) * 2 ** 20 };
  });
}
