import { createRequire } from "node:module";
import type { Pool } from "undici";
import { originOf } from "../../api/listen.ts";
import type { GatewayClock } from "./clock.ts";

/** Ways to the servers of this machine. */
export interface Pools {
  /** To be released when the request is over. */
  readonly to: (server: { readonly host: string; readonly port: number }) => Way;
  /** Breaks off everything. */
  readonly close: () => Promise<void>;
}

export interface Way {
  readonly origin: string;
  readonly pool: Pool;
  readonly release: () => void;
}

/** How long a pool that nobody uses stays: a server that is gone may never come back at its port. */
const UNUSED_MS = 30_000;

const require = createRequire(import.meta.url);

/** Loaded at the first request: it takes 10 MiB. */
function undici(): typeof import("undici") {
  return require("undici");
}

/**
 * Connections to a server are opened as they are needed: how many requests it takes at a time is for the server to say.
 *
 * @param silentMs how long a server may say nothing
 */
export function openPools(clock: GatewayClock, silentMs: number): Pools {
  const pools = new Map<string, { readonly pool: Pool; users: number; cancel: () => void }>();

  function drop(origin: string): void {
    const entry = pools.get(origin);
    pools.delete(origin);
    // Nothing is under way on it.
    entry?.pool.destroy().catch(() => {});
  }

  function opened(origin: string) {
    const known = pools.get(origin);
    if (known !== undefined) return known;
    const pool = new (undici().Pool)(origin, {
      headersTimeout: silentMs,
      bodyTimeout: silentMs,
    });
    const entry = { pool, users: 0, cancel: () => {} };
    pools.set(origin, entry);
    return entry;
  }

  return {
    to: (server) => {
      const origin = originOf(server);
      const entry = opened(origin);
      entry.cancel();
      entry.users += 1;
      let used = true;
      const release = () => {
        if (!used) return;
        used = false;
        entry.users -= 1;
        // One that was closed has left the list.
        if (entry.users === 0 && pools.get(origin) === entry) entry.cancel = clock.timer(() => drop(origin), UNUSED_MS);
      };
      return { origin, pool: entry.pool, release };
    },
    close: async () => {
      const all = [...pools.values()];
      pools.clear();
      for (const { cancel } of all) cancel();
      await Promise.all(all.map(({ pool }) => pool.destroy()));
    },
  };
}
