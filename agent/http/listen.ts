import { fail, ok, type Result } from "../../api/result.ts";

/** Where the agent's window is served. Only this machine can reach it. */
export interface ListenAddress {
  readonly host: "127.0.0.1" | "::1";
  /** 0: any free one. */
  readonly port: number;
}

export const DEFAULT_LISTEN = "127.0.0.1:9099";

const LOOPBACK: Readonly<Record<string, ListenAddress["host"]>> = {
  "127.0.0.1": "127.0.0.1",
  localhost: "127.0.0.1",
  "[::1]": "::1",
};

/** `HOST:PORT` with a loopback host, or `off`. */
export function parseListen(text: string): Result<ListenAddress | "off"> {
  if (text === "off") return ok("off");
  const [, host = "", digits = ""] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === "" || port > 65535) return fail(`${JSON.stringify(text)} is no HOST:PORT: ${DEFAULT_LISTEN} is one`);
  const loopback = LOOPBACK[host.toLowerCase()];
  if (loopback === undefined) {
    return fail(
      `${host} would show the agent to other machines, and it asks nobody who they are: use 127.0.0.1:${port}, and a tunnel (ssh -L) from elsewhere`,
    );
  }
  return ok({ host: loopback, port });
}

/** As it stands in a URL. */
export function originOf({ host, port }: ListenAddress): string {
  return `http://${host === "::1" ? "[::1]" : host}:${port}`;
}
