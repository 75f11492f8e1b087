import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { errorBody, type Refusal } from "./refusal.ts";

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Answers what is no sound HTTP, and closes its connection. Whatever came whole before it on the same connection gets its answer first: the
 * order of answers is all that tells a client which is which.
 */
export function answerUnsound(server: Server): void {
  const underWay = new WeakMap<object, Set<Exchange>>();
  const unsound = new WeakSet<object>();
  const note = (request: IncomingMessage, response: ServerResponse) => {
    const exchanges = underWay.get(request.socket) ?? new Set();
    const exchange = { request, response };
    underWay.set(request.socket, exchanges);
    exchanges.add(exchange);
    response.once("close", () => exchanges.delete(exchange));
  };
  server.on("request", note);
  server.on("checkContinue", note);
  const exchangesOn = (socket: Duplex) => [...(underWay.get(socket) ?? [])];
  const owedOn = (socket: Duplex) => exchangesOn(socket).findLast(({ request }) => request.complete)?.response;
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    // Whatever follows cannot be read either.
    if (unsound.has(socket)) return;
    unsound.add(socket);
    const owed = owedOn(socket);
    const end = () => sayLast(socket, refusalOf(error.code), exchangesOn(socket));
    if (error.code === "ECONNRESET" || (owed !== undefined && error.code === CUT_OFF)) socket.destroy();
    else if (owed === undefined) end();
    else afterwards(owed, socket, end);
  });
  server.on("connect", (_request, socket) => {
    // Node takes all its listeners off such a socket.
    socket.on("error", () => {});
    socket.resume();
    const owed = owedOn(socket);
    const end = () => sayLast(socket, NO_PROXY, []);
    if (owed === undefined) end();
    else afterwards(owed, socket, end);
  });
}

/** The client ended its half of the connection within a request: it counts as gone, as one does that ended it after a whole one. */
const CUT_OFF = "HPE_INVALID_EOF_STATE";
const NO_PROXY: Refusal = {
  status: 405,
  code: "wrong_method",
  message: "the gateway is no proxy",
  allow: "GET, POST",
};

function afterwards(owed: ServerResponse, socket: Duplex, end: () => void): void {
  // Nothing else tells any more that the client goes away.
  socket.once("end", () => socket.destroy());
  owed.once("close", end);
}

/** Words of our own may not get into an answer that has begun. One that ended the connection itself has said its last. */
function sayLast(socket: Duplex, refusal: Refusal, answering: readonly Exchange[]): void {
  const hasBegun = answering.some(({ response }) => response.headersSent);
  if (socket.writable && !hasBegun) lastWords(socket, refusal);
  else if (hasBegun || !socket.writableEnded) socket.destroy();
}

function refusalOf(code: string | undefined): Refusal {
  if (code === "HPE_HEADER_OVERFLOW") {
    return { status: 431, code: "headers_too_large", message: "the headers of the request are too large" };
  }
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") {
    return { status: 408, code: "headers_too_slow", message: "the headers of the request did not come in time" };
  }
  return { status: 400, code: "bad_request", message: "the request is not valid HTTP/1.1" };
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  405: "Method Not Allowed",
  408: "Request Timeout",
  431: "Request Header Fields Too Large",
};

/** Closes both halves of the connection: a client that keeps its own open would hold a place, and the end of the gateway, for ever. */
function lastWords(socket: Duplex, refusal: Refusal): void {
  socket.end(rawRefusal(refusal), () => socket.destroy());
}

/** An answer to what is no request, on a connection that is closed then. */
function rawRefusal(refusal: Refusal): string {
  const body = errorBody(refusal, "openai", "");
  const allow = refusal.allow === undefined ? "" : `allow: ${refusal.allow}\r\n`;
  return `HTTP/1.1 ${refusal.status} ${REASONS[refusal.status]}\r\n${allow}content-type: application/json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}
