import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { Clock } from "../../kube/clock.ts";
import { send, sendJson, sendText } from "../http/bounded.ts";
import { SECURITY_HEADERS } from "../http/guard.ts";
import { STUCK_MS } from "../status/liveness.ts";
import { rightsFor } from "./attributes.ts";
import { bearerToken, connectionUser } from "./identity.ts";
import { logAnswers } from "./log-answer.ts";
import type { Served } from "./options.ts";
import { resourceMetrics } from "./resource-metrics.ts";
import { summaryOf } from "./summary.ts";
import { parseTarget, type Target } from "./target.ts";
import { usageOf } from "./usage.ts";

type Answer = (
  target: Target,
  query: URLSearchParams,
  response: ServerResponse,
  request: IncomingMessage,
) => Promise<void> | void;

/** Answers requests: who may is asked before anything is looked up, but for `/healthz`. */
export function requestHandler(options: Served): (request: IncomingMessage, response: ServerResponse) => void {
  const answerTo = answers(options);
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    const { method = "", url = "" } = request;
    const asked = parseTarget(url);
    if (!asked.ok) return sendText(response, 400, asked.error);
    const { target, path, query } = asked.value;
    if (target?.is !== "healthz") {
      const credentials = credentialsOf(request, options.clock);
      const access = await options.mayAccess(credentials, rightsFor(method, path));
      if (!access.allowed) {
        if (access.status === 401) response.setHeader("www-authenticate", "Bearer");
        return sendText(response, access.status, access.message);
      }
    }
    if (target === undefined) return sendText(response, 404, "there is nothing here");
    if (target.is === "in-container") return sendText(response, 405, noContainer(target.what));
    if (method !== "GET" && method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return sendText(response, 405, "only GET and HEAD are allowed");
    }
    await answerTo(target, query, response, request);
  };
  return (request, response) => {
    // What it sends is never read.
    if (request.method !== "GET" && request.method !== "HEAD") response.setHeader("connection", "close");
    handle(request, response).catch(() => response.destroy());
  };
}

function credentialsOf({ socket, headers }: IncomingMessage, clock: Clock) {
  const user = socket instanceof TLSSocket ? connectionUser(socket, clock.now()) : undefined;
  return { user, token: bearerToken(headers.authorization) };
}

function noContainer(what: string): string {
  return `${what} is not possible: llama-server is a process of the Mac itself, and there is no container to enter`;
}

function answers(options: Served): Answer {
  const { nodeName, pods, status, registry, cpuSeconds, clock } = options;
  const sendLog = logAnswers(options);
  const withUsage = async (
    response: ServerResponse,
    use: (usage: Awaited<ReturnType<typeof usageOf>>) => Promise<void> | void,
  ) => {
    const current = status();
    if (current === undefined) return sendText(response, 503, "the agent has no status yet");
    await use(await usageOf(current, pods(), cpuSeconds));
  };
  return async (target, query, response, request) => {
    switch (target.is) {
      case "healthz":
        return sendHealth(response, status()?.agent.updatedAt, clock.now());
      case "metrics":
        return send(response, 200, registry.contentType, await registry.metrics());
      case "resource-metrics":
        return withUsage(response, async (usage) => {
          const { type, text } = await resourceMetrics(usage);
          send(response, 200, type, text);
        });
      case "summary":
        return withUsage(response, (usage) => sendJson(response, summaryOf(nodeName, usage)));
      case "pods":
        return sendJson(response, { kind: "PodList", apiVersion: "v1", metadata: {}, items: pods() });
      case "logs":
        return sendLog(target, query, response, request);
      case "in-container":
        return sendText(response, 405, noContainer(target.what));
    }
  };
}

/** Of the agent: whether it goes on. */
function sendHealth(response: ServerResponse, updatedAt: string | undefined, now: number): void {
  const age = updatedAt === undefined ? 0 : now - Date.parse(updatedAt);
  if (age < STUCK_MS) sendText(response, 200, "ok");
  else sendText(response, 503, `the last tick was ${Math.round(age / 1000)} s ago`);
}
