import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface TestServer {
  readonly origin: string;
  /** Every request so far, in order. */
  readonly requests: readonly IncomingMessage[];
  connections(): number;
  /** Cuts every connection; new ones are taken. */
  disconnect(): void;
  stop(): Promise<void>;
}

/** Answers the `index`th request, counted from 0. */
export type Handler = (request: IncomingMessage, response: ServerResponse, index: number) => void;

/** A real HTTP server on a free loopback port. */
export async function startServer(handle: Handler): Promise<TestServer> {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    requests.push(request);
    handle(request, response, requests.length - 1);
  });
  server.on("connection", () => {
    connections += 1;
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: originOf(server.address()),
    requests,
    connections: () => connections,
    disconnect: () => server.closeAllConnections(),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function originOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}

/** A file of `fileBytes` bytes: a head, zeros beyond. */
export interface ServedFile {
  readonly head: Buffer;
  readonly fileBytes: number;
  readonly etag?: string;
  readonly lastModified?: string;
}

/** The range asked for, end exclusive and within the file. */
export function rangeOf(request: IncomingMessage, { fileBytes }: ServedFile): { begin: number; end: number } {
  const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
  return { begin: Number(match?.[1] ?? 0), end: Math.min(Number(match?.[2] ?? fileBytes - 1) + 1, fileBytes) };
}

export function bytesOf({ head }: ServedFile, begin: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - begin);
  bytes.set(head.subarray(begin, end));
  return bytes;
}

export function validators(file: ServedFile): Record<string, string> {
  return {
    ...(file.etag === undefined ? {} : { etag: file.etag }),
    ...(file.lastModified === undefined ? {} : { "last-modified": file.lastModified }),
  };
}

/** What a good server answers: 206 with the range, or the whole file where `If-Range` names another version. */
export function sendRange(request: IncomingMessage, response: ServerResponse, file: ServedFile): void {
  const ifRange = request.headers["if-range"];
  if (ifRange !== undefined && ifRange !== file.etag && ifRange !== file.lastModified) {
    sendWhole(response, file);
    return;
  }
  const { begin, end } = rangeOf(request, file);
  response.writeHead(206, {
    "content-range": `bytes ${begin}-${end - 1}/${file.fileBytes}`,
    "content-length": end - begin,
    ...validators(file),
  });
  response.end(bytesOf(file, begin, end));
}

/** What a server that does not know Range answers; tells how many bytes were taken when the client went away. */
export function sendWhole(
  response: ServerResponse,
  file: ServedFile,
  onClose: (written: number) => void = () => {},
): void {
  response.writeHead(200, { "content-length": file.fileBytes, ...validators(file) });
  let written = 0;
  response.on("close", () => onClose(written));
  function pump(): void {
    while (written < file.fileBytes && !response.destroyed) {
      const piece = bytesOf(file, written, Math.min(written + 65_536, file.fileBytes));
      written += piece.length;
      if (!response.write(piece)) {
        response.once("drain", pump);
        return;
      }
    }
    response.end();
  }
  pump();
}
