import { rm } from "node:fs/promises";
import { type Hold, reservationOf, shareBytes } from "../decisions/host-share.ts";
import { type Holding, heldBytesOf } from "./holding.ts";
import type { Own } from "./look.ts";
import type { OwnClaim } from "./own-claim.ts";
import type { WatchedClaims } from "./watched-claims.ts";

/** Reserves memory of the machine for this agent, without a lock: it announces, then reads what others announced, then decides. */
export interface Claimant {
  /** Throws if the claims cannot be written or read. */
  announce(holding: Holding): Promise<void>;
  readonly grantedBytes: () => number;
  readonly shareBytes: () => number;
  /** What the agent before this one was granted for servers that still run: this one adopts them. */
  readonly inherit: (bytes: number) => void;
}

interface Claiming {
  readonly own: Own;
  readonly claim: OwnClaim;
  readonly watched: WatchedClaims;
  readonly allocatableBytes: number;
  /** Called when a start was granted. */
  readonly granted: () => void;
}

export function claimant({ own, claim, watched, allocatableBytes, granted }: Claiming): Claimant {
  let announced: Holding = { servers: [], pendingBytes: 0 };
  let grantedBytes = 0;
  const hold = (): Hold => ({
    key: own.key,
    heldBytes: heldBytesOf(announced.servers),
    pendingBytes: announced.pendingBytes,
    grantedBytes,
  });
  const theirs = () => watched.view().others.map((other) => other.hold);
  const reserve = async (holding: Holding, bytes: number) => {
    await watched.look();
    const reservation = reservationOf(hold(), theirs(), allocatableBytes);
    if (reservation === "insist") return;
    if (reservation === "granted") grantedBytes = bytes;
    else {
      announced = { ...holding, pendingBytes: 0 };
      // What was granted for a start that did not come is given back with it: others may take it from now on.
      grantedBytes = Math.min(grantedBytes, heldBytesOf(claim.shown(holding.servers)));
    }
    await claim.write(announced, grantedBytes);
    if (announced.pendingBytes > 0) granted();
  };
  return {
    announce: async (holding) => {
      announced = holding;
      const bytes = heldBytesOf(claim.shown(holding.servers)) + holding.pendingBytes;
      grantedBytes = Math.min(grantedBytes, bytes);
      await claim.write(announced, grantedBytes);
      for (const { path } of watched.view().left) await rm(path, { force: true });
      if (bytes > grantedBytes) await reserve(holding, bytes);
      else await watched.lookIfDue();
    },
    grantedBytes: () => grantedBytes,
    shareBytes: () => shareBytes(hold(), theirs(), allocatableBytes),
    inherit: (bytes) => {
      grantedBytes = Math.max(grantedBytes, bytes);
    },
  };
}
