import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { measuredBytes } from "./measured.ts";
import { fileNameOf, type Growth, type Orders } from "./stand-in-orders.ts";

/**
 * A stand-in for llama-server that takes orders while it runs (stand-in-orders.ts). Arguments: the folder of orders, `projects` or
 * `plain`, then what llama-server gets.
 */
const [ordersFolder = "", shape, ...args] = process.argv.slice(2);

const ORDERS_MS = 100;
const GROWTH_MS = 50;
const CHUNKS = 15;
const CHUNK_MS = 200;
const MIB = 2 ** 20;

const held: Buffer[] = [];
if (ordersFolder === "grow") grow(JSON.parse(shape ?? "") as Growth);
else if (args.includes("--version")) console.log("version: 0.6.0-dev (build 0, commit stand-in)");
else if (args.includes("--list-devices")) console.log("  MTL0: Apple stand-in (8192 MiB, 8192 MiB free)");
else if (args.includes("--help")) console.log(help().join("\n"));
else if (args.includes("--log-verbosity")) project();
else serve();

function help(): readonly string[] {
  const needed = ["--model", "--host", "--port", "--ctx-size", "--parallel", "--cache-type-k", "--cache-type-v"];
  const more = [
    "--batch-size",
    "--ubatch-size",
    "--n-gpu-layers",
    "--device",
    "--load-mode",
    "--flash-attn [on|off]",
    "--list-devices",
  ];
  return [...needed, ...more, ...(shape === "projects" ? ["--fit", "--log-verbosity"] : [])];
}

function orders(): Orders {
  try {
    return JSON.parse(readFileSync(join(ordersFolder, fileNameOf(valueAfter("--alias"))), "utf8")) as Orders;
  } catch {
    return {};
  }
}

function project(): void {
  const { projectionGrows } = orders();
  if (projectionGrows !== undefined) grow(projectionGrows);
}

/** Stays as large as it has become, until it is ended. */
function grow({ toMib, mibPerSecond }: Growth): void {
  setInterval(() => {
    if (measuredBytes("self") < toMib * MIB) held.push(Buffer.alloc((mibPerSecond * MIB * GROWTH_MS) / 1000, 1));
  }, GROWTH_MS);
}

function serve(): void {
  let now = orders();
  let begun: Orders = {};
  const line = `${"stand-in: at work ".repeat(56)}\n`;
  const obey = () => {
    now = orders();
    if (now.grow !== undefined && begun.grow === undefined) grow(now.grow);
    if (now.childGrows !== undefined && begun.childGrows === undefined) growInChild(now.childGrows);
    if (now.printMibPerSecond !== undefined && begun.printMibPerSecond === undefined) {
      const perTurn = Math.ceil((now.printMibPerSecond * MIB * GROWTH_MS) / 1000 / line.length);
      setInterval(() => process.stdout.write(line.repeat(perTurn)), GROWTH_MS);
    }
    if (now.ignoresSigterm && !begun.ignoresSigterm) process.on("SIGTERM", () => console.log("stand-in: no"));
    begun = { ...begun, ...now };
  };
  obey();
  setInterval(obey, ORDERS_MS);
  createServer((request, response) => {
    if (!now.hangs) answer(request, response);
  }).listen(Number(valueAfter("--port")), "127.0.0.1");
}

function growInChild(growth: Growth): void {
  spawn(process.execPath, [import.meta.filename, "grow", JSON.stringify(growth)], { stdio: "inherit" });
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const answers: Readonly<Record<string, object>> = {
    "/health": { status: "ok" },
    "/props": { model_path: valueAfter("--model"), model_alias: valueAfter("--alias") },
    "/v1/completions": { choices: [{ text: "," }] },
  };
  let body = "";
  request.on("data", (chunk) => (body += String(chunk)));
  request.on("end", () => {
    if (body.includes('"stream":true')) stream(response);
    else response.end(JSON.stringify(answers[request.url ?? ""] ?? {}));
  });
}

/** An answer of {@link CHUNKS} server-sent events, then `[DONE]`. */
function stream(response: ServerResponse): void {
  response.setHeader("content-type", "text/event-stream");
  let sent = 0;
  const sending = setInterval(() => {
    sent += 1;
    if (sent <= CHUNKS) response.write(`data: {"choices":[{"text":" ${sent}"}]}\n\n`);
    else {
      clearInterval(sending);
      response.end("data: [DONE]\n\n");
    }
  }, CHUNK_MS);
  response.on("close", () => clearInterval(sending));
}

function valueAfter(flag: string): string {
  return args[args.indexOf(flag) + 1] ?? "";
}
