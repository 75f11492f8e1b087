import { rm } from "node:fs/promises";
import { join } from "node:path";
import { errorCode } from "../../api/error-code.ts";
import { type Claim, claimText } from "./claim.ts";
import { makeClaimsFolder, writeClaim } from "./folder.ts";
import { type HeldServer, type Holding, publishedServers } from "./holding.ts";
import type { Own } from "./look.ts";

/** The file in which this agent says what it holds. It exists only while the agent holds something. */
export interface OwnClaim {
  /** Writes what changed. Throws if the folder cannot be written. */
  write(holding: Holding, grantedBytes: number): Promise<void>;
  /** The servers as the claim shows them once `servers` are written. */
  readonly shown: (servers: readonly HeldServer[]) => readonly HeldServer[];
  /** To be called when somebody has removed the file: the next write makes it again. */
  readonly removed: () => void;
}

/** A claim is written again after this long, because systems remove temporary files that are days old. */
const RENEW_MS = 3_600_000;

export function ownClaim(own: Own, process: Pick<Claim, "pid" | "startTime">, clock: () => number): OwnClaim {
  const path = join(own.folder, own.fileName);
  let published: readonly HeldServer[] = [];
  let written: { readonly at: number; readonly text: string } | undefined;
  let mayExist = false;
  const shown = (servers: readonly HeldServer[]) => publishedServers(published, servers);
  return {
    shown,
    write: async ({ servers, pendingBytes }, grantedBytes) => {
      published = shown(servers);
      if (published.length === 0 && pendingBytes === 0) {
        if (mayExist) await rm(path, { force: true });
        mayExist = false;
        written = undefined;
        return;
      }
      const claimed = published.map(({ pid, startTime, chargeBytes }) => ({ pid, startTime, bytes: chargeBytes }));
      const { bootId, user } = own;
      const text = claimText({ bootId, ...process, user, servers: claimed, pendingBytes, grantedBytes });
      if (text === written?.text && clock() - written.at < RENEW_MS) return;
      mayExist = true;
      await writeInto(own.folder, path, text);
      written = { at: clock(), text };
    },
    removed: () => {
      written = undefined;
    },
  };
}

/** The folder may be missing: nobody has claimed anything since the boot, or it was tidied away. */
async function writeInto(folder: string, path: string, text: string): Promise<void> {
  try {
    await writeClaim(path, text);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    await makeClaimsFolder(folder);
    await writeClaim(path, text);
  }
}
