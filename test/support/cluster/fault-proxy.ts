import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What happens to the bytes between a client and the server behind the proxy. */
export type Fault =
  | "pass"
  /**
   * Connections are taken and stay open, and nothing comes through: what a client sees of a server that lost its power, or of a firewall
   * that forgot it. A connection that was open meanwhile never recovers; those made afterwards are sound.
   */
  | "black-hole"
  /** No connection is taken, and those that are there are reset. */
  | "refuse"
  /** Each piece comes later by so many milliseconds, both ways. */
  | { readonly delayMs: number };

export interface FaultProxy {
  /** What a client is told instead of the server's own address. TLS passes through, so the server's certificate holds. */
  readonly server: string;
  /** From now on. */
  readonly set: (fault: Fault) => Promise<void>;
  /** Resets every connection that is open now. */
  readonly cutAll: () => void;
  /** How many are open, and how many there have been. */
  readonly connections: () => { readonly open: number; readonly ever: number };
  readonly close: () => Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly upstream: Socket;
  /** It went through a black hole: nothing comes through any more. */
  lost: boolean;
}

const LOOPBACK = "127.0.0.1";

/** A proxy on loopback in front of a port of loopback. @param target `https://127.0.0.1:6443` */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const upstreamPort = Number(new URL(target).port);
  const pairs = new Set<Pair>();
  let fault: Fault = "pass";
  let ever = 0;
  const listener = createServer((client) => {
    ever += 1;
    const pair: Pair = { client, upstream: connect(upstreamPort, LOOPBACK), lost: fault === "black-hole" };
    pairs.add(pair);
    join(pair, () => (typeof fault === "object" ? fault.delayMs : 0));
    client.once("close", () => pairs.delete(pair));
  });
  const port = await listen(listener, 0);
  const cutAll = () => {
    for (const { client, upstream } of pairs) {
      client.resetAndDestroy();
      upstream.destroy();
    }
  };
  const set = async (next: Fault) => {
    fault = next;
    if (fault === "black-hole") for (const pair of pairs) pair.lost = true;
    if (fault === "refuse") {
      listener.close();
      cutAll();
    } else if (!listener.listening) {
      await listen(listener, port);
    }
  };
  const close = async () => {
    cutAll();
    if (!listener.listening) return;
    listener.close();
    await once(listener, "close");
  };
  return {
    server: `https://${LOOPBACK}:${port}`,
    set,
    cutAll,
    connections: () => ({ open: pairs.size, ever }),
    close,
  };
}

async function listen(listener: Server, port: number): Promise<number> {
  listener.listen(port, LOOPBACK);
  await once(listener, "listening");
  return (listener.address() as AddressInfo).port;
}

function join(pair: Pair, delayMs: () => number): void {
  const { client, upstream } = pair;
  pump(pair, client, upstream, delayMs);
  pump(pair, upstream, client, delayMs);
}

/** Hands on what one side sends. The end of a side, and its failure, are the other side's too, unless nothing comes through. */
function pump(pair: Pair, from: Socket, to: Socket, delayMs: () => number): void {
  const later = (act: () => void) => {
    const ms = delayMs();
    if (ms === 0) act();
    else setTimeout(act, ms);
  };
  from.setNoDelay(true);
  from.on("data", (chunk: Buffer) =>
    later(() => {
      if (pair.lost || to.destroyed || to.write(chunk)) return;
      from.pause();
      to.once("drain", () => from.resume());
    }),
  );
  from.on("end", () => later(() => pair.lost || to.end()));
  from.on("error", () => {});
  from.on("close", () => {
    if (!pair.lost || from === pair.client) to.destroy();
  });
}
