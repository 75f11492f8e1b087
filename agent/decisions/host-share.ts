/** What one agent holds of the machine's memory. All amounts in bytes. */
export interface Hold {
  /** Orders agents that compete for the same memory: the smaller one goes first. */
  readonly key: string;
  /** The charges of its servers. */
  readonly heldBytes: number;
  /** The charge of the server that it is about to start; 0 if there is none. */
  readonly pendingBytes: number;
  /** What it has found to fit beside all others. It may hold more, if a server grew since. */
  readonly grantedBytes: number;
}

/**
 * Whether an agent gets what it announced. `insist`: not yet, but it goes before the others that announced something at the same time,
 * so its announcement stays. `withdraw`: it must take back what it announced.
 */
export type Reservation = "granted" | "insist" | "withdraw";

/**
 * Decides on the announcement of one agent. The caller has announced it (all others can read it) before it read `others`. So of two
 * agents that announce at the same moment at least one sees the other, and both are never granted what fits only once, without a lock.
 *
 * What an agent holds alone is never refused: admission has compared it with the allocatable memory already.
 */
export function reservationOf(own: Hold, others: readonly Hold[], allocatableBytes: number): Reservation {
  const free = allocatableBytes - own.heldBytes - own.pendingBytes - sumOf(others, ({ heldBytes }) => heldBytes);
  const competing = others.filter(({ pendingBytes }) => pendingBytes > 0);
  if (others.every(({ heldBytes, pendingBytes }) => heldBytes + pendingBytes === 0)) return "granted";
  if (free >= sumOf(competing, ({ pendingBytes }) => pendingBytes)) return "granted";
  const first = own.pendingBytes > 0 && competing.every(({ key }) => own.key < key);
  return first && free >= 0 ? "insist" : "withdraw";
}

/**
 * What the servers of one agent together may use now: all that the others leave of the allocatable memory, and in any case what it was
 * granted, because no agent is punished for the growth of another one. At most the allocatable memory.
 *
 * Of several that hold more than they were granted, the one that is furthest above gives way first; until it has, the others count
 * only what it was granted.
 */
export function shareBytes(own: Hold, others: readonly Hold[], allocatableBytes: number): number {
  const held = sumOf(others, (other) => {
    const counted = givesWayBefore(other, own) ? other.grantedBytes : other.heldBytes;
    return counted + other.pendingBytes;
  });
  return Math.min(allocatableBytes, Math.max(own.grantedBytes, allocatableBytes - held));
}

/** What `other` takes from the memory that `own` may ask for: an announcement counts only if it goes before those of `own`. */
export function takenBytes(own: Pick<Hold, "key">, other: Hold): number {
  return other.heldBytes + (other.key < own.key ? other.pendingBytes : 0);
}

function givesWayBefore(other: Hold, own: Hold): boolean {
  const [theirs, ours] = [excessBytes(other), excessBytes(own)];
  return theirs > ours || (theirs === ours && theirs > 0 && other.key < own.key);
}

function excessBytes({ heldBytes, grantedBytes }: Hold): number {
  return Math.max(0, heldBytes - grantedBytes);
}

function sumOf(holds: readonly Hold[], bytes: (hold: Hold) => number): number {
  return holds.reduce((sum, hold) => sum + bytes(hold), 0);
}
