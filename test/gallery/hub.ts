import { open, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** Stands in for the hub, and as a proxy for every other server: nothing of the gallery leaves the machine. */
export interface StandInHub {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Whatever the path, the file of that name in the folder; other names are not there. Tunnels, which https takes, are refused. */
export async function startHub(folder: string): Promise<StandInHub> {
  const server = createServer((request, response) => {
    serve(folder, request, response).catch(() => response.writeHead(404).end());
  });
  server.on("connect", (_request, socket) => socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { address: `http://127.0.0.1:${port}`, close: () => closed(server) };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

async function serve(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? "/", "http://127.0.0.1");
  const path = join(folder, basename(pathname));
  const { size } = await stat(path);
  const [, from = "0", to = `${size - 1}`] = /^bytes=(\d+)-(\d*)/.exec(request.headers.range ?? "") ?? [];
  const end = Math.min(Number(to || size - 1), size - 1);
  const length = end - Number(from) + 1;
  response.writeHead(206, {
    "content-range": `bytes ${from}-${end}/${size}`,
    "content-length": length,
    "accept-ranges": "bytes",
    etag: `"${size}"`,
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  const file = await open(path);
  // A reader that has seen enough hangs up.
  await pipeline(file.createReadStream({ start: Number(from), end }), response).catch(() => {});
}
