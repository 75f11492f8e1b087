import { isIP } from "node:net";
import { fail, ok, type Result } from "./result.ts";

/** Where this machine answers. */
export interface ListenAddress {
  /** An IP address, without brackets. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** Where the agent answers. Loopback, so that only this machine can reach it. */
export const AGENT_LISTEN = "127.0.0.1:9099";
/** Where the controller does, on `CONTROLLER_PORT`: a pod says `0.0.0.0:PORT`, so that the kubelet's probes and Prometheus reach it. */
export const CONTROLLER_LISTEN = "127.0.0.1:9098";

/** Parses `ADDRESS:PORT` with an address of this machine, or `off`. */
export function parseListen(text: string): Result<ListenAddress | "off"> {
  if (text === "off") return ok("off");
  const address = hostAndPort(text);
  if (address !== undefined && isIP(address.host) !== 0) return ok(address);
  return fail(`${JSON.stringify(text)} is not ADDRESS:PORT; use for example ${CONTROLLER_LISTEN}, 0.0.0.0:8080 or off`);
}

/** Parses `HOST:PORT` with a loopback host, or `off`: for answers without authentication. */
export function parseLoopbackListen(text: string): Result<ListenAddress | "off"> {
  if (text === "off") return ok("off");
  const address = hostAndPort(text);
  if (address === undefined || address.host === "") {
    return fail(`${JSON.stringify(text)} is not HOST:PORT; use for example ${AGENT_LISTEN}`);
  }
  const { host, port } = address;
  if (host === "127.0.0.1" || host === "::1") return ok(address);
  return fail(
    `refusing to listen on ${host}: the status page has no authentication; use 127.0.0.1:${port} and an SSH tunnel`,
  );
}

/** As the origin of a URL. */
export function originOf({ host, port }: ListenAddress): string {
  return `http://${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

function hostAndPort(text: string): ListenAddress | undefined {
  const [, named, digits] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (named === undefined || port > 65_535) return undefined;
  const host = named.toLowerCase() === "localhost" ? "127.0.0.1" : named.replace(/^\[(.*)\]$/, "$1");
  return { host, port };
}
