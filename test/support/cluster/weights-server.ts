import { createServer } from "node:http";
import { basename, dirname } from "node:path";
import getPort from "get-port";
import send from "send";

/** Serves one file of weights over HTTP on loopback, whole and by ranges, as a lab's own file server does. */
export interface WeightsServer {
  /** `http://127.0.0.1:PORT/NAME.gguf`. Any other name of one segment leads to the same file, so that there can be many models. */
  readonly url: (name?: string) => string;
  /** Requests so far, oldest first, as `GET /NAME.gguf bytes=0-99`. */
  readonly requests: () => readonly string[];
  readonly stop: () => Promise<void>;
}

export async function serveWeights(path: string): Promise<WeightsServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url} ${request.headers.range ?? "whole"}`);
    send(request, basename(path), { root: dirname(path) }).pipe(response);
  });
  const port = await getPort({ host: "127.0.0.1", reserve: true });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: (name = basename(path, ".gguf")) => `http://127.0.0.1:${port}/${name}.gguf`,
    requests: () => requests,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
