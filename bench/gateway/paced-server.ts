import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/**
 * Stands in for llama-server where the pace of tokens must be exact, or their number large: it sends one token each millisecond times its
 * first argument, or with `flood` as fast as the client reads. Each event says when it was written.
 */
const [pace = "1", ...args] = process.argv.slice(2);
const paceMs = pace === "flood" ? undefined : Number(pace);
/** Of a token in a flood: enough of them fill every buffer. */
const FLOOD_TEXT = "x".repeat(1024);

const HELP = [
  ...["--model", "--host", "--port", "--ctx-size", "--parallel", "--cache-type-k", "--cache-type-v", "--batch-size"],
  ...["--ubatch-size", "--n-gpu-layers", "--device", "--load-mode", "--flash-attn [on|off]", "--list-devices"],
  "--api-key-file",
];

if (args.includes("--version")) console.log("version: 0.6.0-dev (build 0, commit stand-in)");
else if (args.includes("--list-devices")) console.log("Available devices:");
else if (args.includes("--help")) console.log(HELP.join("\n"));
else serve();

function serve(): void {
  const keyFile = valueAfter("--api-key-file");
  const [key] = keyFile === undefined ? [] : readFileSync(keyFile, "utf8").trim().split("\n");
  const server = createServer((request, response) => {
    const allowed = key === undefined || request.url === "/health" || request.headers.authorization === `Bearer ${key}`;
    if (allowed) answer(request, response);
    else response.writeHead(401).end(JSON.stringify({ error: { message: "Invalid API Key" } }));
  });
  server.keepAliveTimeout = 600_000;
  server.listen(Number(valueAfter("--port")), valueAfter("--host") ?? "127.0.0.1");
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  let body = "";
  request.on("data", (chunk) => (body += String(chunk)));
  request.on("end", () => {
    const asked = body === "" ? {} : (JSON.parse(body) as { readonly stream?: boolean; readonly max_tokens?: number });
    if (asked.stream === true) stream(response, asked.max_tokens ?? 1);
    else response.end(JSON.stringify(plainAnswer(request.url ?? "")));
  });
}

function plainAnswer(path: string): object {
  if (path === "/props") return { model_path: valueAfter("--model"), model_alias: valueAfter("--alias") };
  if (path === "/slots") return [{ id: 0, is_processing: false, id_task: 0, n_prompt_tokens: 2 }];
  return { status: "ok", choices: [{ text: "," }] };
}

/** Tokens are due at multiples of the pace since the start, so that a late timer does not slow the whole stream. */
function stream(response: ServerResponse, tokens: number): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const began = performance.now();
  let written = 0;
  const turn = () => {
    if (response.destroyed) return;
    while (written < tokens && (paceMs === undefined || performance.now() - began >= written * paceMs)) {
      written += 1;
      if (!response.write(eventText())) break;
    }
    if (written === tokens)
      response.end('data: {"choices":[{"text":"","finish_reason":"length"}]}\n\ndata: [DONE]\n\n');
    else if (response.writableNeedDrain) response.once("drain", turn);
    else setTimeout(turn, Math.max(0, began + written * (paceMs ?? 0) - performance.now()));
  };
  turn();
}

function eventText(): string {
  const sentMs = (performance.timeOrigin + performance.now()).toFixed(3);
  const text = paceMs === undefined ? FLOOD_TEXT : " a";
  return `data: {"choices":[{"text":"${text}","index":0,"finish_reason":null}],"sent_ms":${sentMs}}\n\n`;
}

function valueAfter(flag: string): string | undefined {
  const at = args.indexOf(flag);
  return at === -1 ? undefined : args[at + 1];
}
