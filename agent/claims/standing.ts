import type { Hold } from "../decisions/host-share.ts";
import type { ClaimedProcess } from "./claim.ts";
import type { ClaimFile } from "./folder.ts";

/** Whoever looks at the claims. */
export interface Self {
  readonly uid: number;
  readonly user: string;
  readonly bootId: string;
}

/** What the system shows about the processes that a claim names. */
export interface Behind {
  /** The agent lives and belongs to the owner of the file. */
  readonly agent: boolean;
  /** Those of its servers that live and belong to the owner of the file. */
  readonly servers: readonly ClaimedProcess[];
  /** It names a living process that belongs to somebody else. */
  readonly stranger: boolean;
}

/** Another agent that holds memory. */
export interface OtherAgent {
  readonly hold: Hold;
  /** For messages: `another agent (pid 42, user alice)`. */
  readonly label: string;
}

/**
 * What a claim means. `unknown`: somebody stands behind it, and what he holds cannot be told, so nothing may start. `litter`: nobody
 * stands behind it, so it counts for nothing; where there is a sentence, a person should look at it.
 */
export type Standing =
  | { readonly kind: "holds"; readonly other: OtherAgent }
  | { readonly kind: "unknown"; readonly sentence: string }
  | { readonly kind: "litter"; readonly sentence?: string };

/** Decides what a file counts for. Nothing in it is believed that a process of its owner does not stand behind. */
export function standingOf(file: ClaimFile, behind: Behind, self: Self): Standing {
  const { claim, path, key, pid, uid, fault = "damaged" } = file;
  if (claim !== undefined && claim.bootId !== self.bootId) return { kind: "litter" };
  if (claim === undefined || claim.pid !== pid) {
    const who = `pid ${pid}, ${userOf(file, self)}`;
    if (behind.agent) {
      const sentence = `what another agent (${who}) holds cannot be read from ${path} (${fault}): end that process, or remove the file`;
      return { kind: "unknown", sentence };
    }
    return litter(file, self, `${path} is damaged (${fault}), and no agent stands behind it: remove it`);
  }
  const { grantedBytes, pendingBytes } = claim;
  if (behind.agent) {
    const heldBytes = bytesOf(claim.servers);
    return {
      kind: "holds",
      other: {
        hold: { key, heldBytes, pendingBytes, grantedBytes },
        label: `another agent (pid ${pid}, ${userOf(file, self)})`,
      },
    };
  }
  const living = claim.servers.filter((server) => behind.servers.some((one) => one.pid === server.pid));
  if (living.length > 0) {
    const heldBytes = bytesOf(living);
    const pids = living.map((server) => server.pid).join(", ");
    return {
      kind: "holds",
      other: {
        hold: { key, heldBytes, pendingBytes: 0, grantedBytes: Math.min(grantedBytes, heldBytes) },
        label: `servers that outlived their agent (pid ${pids}, ${userOf(file, self)})`,
      },
    };
  }
  if (!behind.stranger) return { kind: "litter" };
  return litter(
    file,
    self,
    `${path} of user id ${uid} names processes of other users, and counts for nothing: remove it`,
  );
}

/** What is our own is removed without a word. */
function litter({ uid }: ClaimFile, self: Self, sentence: string): Standing {
  return uid === self.uid ? { kind: "litter" } : { kind: "litter", sentence };
}

/** The owner of the file is certain. The name of another user is only what the file says. */
function userOf({ uid, claim }: ClaimFile, self: Self): string {
  if (uid === self.uid) return `user ${self.user}`;
  return claim === undefined ? `user id ${uid}` : `user ${claim.user}, id ${uid}`;
}

function bytesOf(servers: readonly { readonly bytes: number }[]): number {
  return servers.reduce((sum, { bytes }) => sum + bytes, 0);
}
