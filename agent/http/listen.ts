import { fail, ok, type Result } from "../../api/result.ts";

/** Address of the status page and the metrics. Loopback, so that only this machine can reach it. */
export interface ListenAddress {
  readonly host: "127.0.0.1" | "::1";
  /** 0: any free port. */
  readonly port: number;
}

export const DEFAULT_LISTEN = "127.0.0.1:9099";

const LOOPBACK: Readonly<Record<string, ListenAddress["host"]>> = {
  "127.0.0.1": "127.0.0.1",
  localhost: "127.0.0.1",
  "[::1]": "::1",
};

/** Parses `HOST:PORT` with a loopback host, or `off`. */
export function parseListen(text: string): Result<ListenAddress | "off"> {
  if (text === "off") return ok("off");
  const [, host = "", digits = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === "" || port > 65535)
    return fail(`${JSON.stringify(text)} is not HOST:PORT; use for example ${DEFAULT_LISTEN}`);
  const loopback = LOOPBACK[host.toLowerCase()];
  if (loopback === undefined) {
    return fail(
      `refusing to listen on ${host}: the status page has no authentication; use 127.0.0.1:${port} and an SSH tunnel`,
    );
  }
  return ok({ host: loopback, port });
}

/** As the origin of a URL. */
export function originOf({ host, port }: ListenAddress): string {
  return `http://${host === "::1" ? "[::1]" : host}:${port}`;
}
