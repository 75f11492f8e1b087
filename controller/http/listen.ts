import { isIP } from "node:net";
import { fail, ok, type Result } from "../../api/result.ts";

/** Where health and metrics are answered. */
export interface ListenAddress {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Loopback: a pod says `0.0.0.0:PORT`, so that the kubelet's probes and Prometheus reach it. */
export const DEFAULT_LISTEN = "127.0.0.1:9098";

/** Parses `HOST:PORT` with an address of this machine, or `off`. */
export function parseListen(text: string): Result<ListenAddress | "off"> {
  if (text === "off") return ok("off");
  const [, named = "", digits = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = named === "localhost" ? "127.0.0.1" : named.replace(/^\[(.*)\]$/, "$1");
  if (isIP(host) !== 0 && port <= 65_535) return ok({ host, port });
  return fail(`${JSON.stringify(text)} is not ADDRESS:PORT; use for example ${DEFAULT_LISTEN}, 0.0.0.0:8080 or off`);
}
