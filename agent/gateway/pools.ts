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

/** Far below the 5 s after which llama-server closes what is idle, so that no request goes to a connection that is being closed. */
const KEPT_MS = 2000;

interface Entry {
  /** Of one connection, for one request after another: a new one costs about as much as all the rest of a short request's way. */
  readonly kept: Pool;
  /** A connection for each request. */
  readonly fresh: Pool;
  keptBusy: boolean;
  users: number;
  cancel: () => void;
}

/**
 * At most one idle connection to a server is kept, and that for 2 s: each takes a thread of llama-server. What is asked at the same time gets
 * connections of its own.
 *
 * @param silentMs how long a server may say nothing
 */
export function openPools(clock: GatewayClock, silentMs: number): Pools {
  const pools = new Map<string, Entry>();

  function drop(origin: string): void {
    const entry = pools.get(origin);
    pools.delete(origin);
    // Nothing is under way on it.
    if (entry !== undefined) destroy(entry).catch(() => {});
  }

  function opened(origin: string): Entry {
    const known = pools.get(origin);
    if (known !== undefined) return known;
    const { Pool } = undici();
    const silence = { headersTimeout: silentMs, bodyTimeout: silentMs };
    const keeping = { connections: 1, pipelining: 1, keepAliveTimeout: KEPT_MS, keepAliveMaxTimeout: KEPT_MS };
    const entry: Entry = {
      kept: new Pool(origin, { ...silence, ...keeping }),
      fresh: new Pool(origin, { ...silence, pipelining: 0 }),
      keptBusy: false,
      users: 0,
      cancel: () => {},
    };
    pools.set(origin, entry);
    return entry;
  }

  return {
    to: (server) => {
      const origin = originOf(server);
      const entry = opened(origin);
      entry.cancel();
      entry.users += 1;
      const keeps = !entry.keptBusy;
      if (keeps) entry.keptBusy = true;
      let used = true;
      const release = () => {
        if (!used) return;
        used = false;
        if (keeps) entry.keptBusy = false;
        entry.users -= 1;
        if (entry.users === 0) entry.cancel = clock.timer(() => drop(origin), UNUSED_MS);
      };
      return { origin, pool: keeps ? entry.kept : entry.fresh, release };
    },
    close: async () => {
      const all = [...pools.values()];
      pools.clear();
      for (const { cancel } of all) cancel();
      await Promise.all(all.map(destroy));
    },
  };
}

async function destroy({ kept, fresh }: Entry): Promise<void> {
  await Promise.all([kept.destroy(), fresh.destroy()]);
}
