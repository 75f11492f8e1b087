import { createServer } from "node:http";
import { parseArgs } from "node:util";

/**
 * Stands in for llama-server where the real one cannot misbehave on demand. The first argument says how:
 * `well`, `exits-at-once`, `ignores-sigterm`, `serves-another-model`, `fails-completions`, `turns-unhealthy` (after its first answer), `grows-N` (MiB a second),
 * `busy` (after its first answer it works, and answers nothing), `hangs-when-asked` (for a projection; only default/b, the others give none).
 */
const [behaviour = "well", ...args] = process.argv.slice(2);
if (args.includes("--version")) process.exit(0);
if (args.includes("--help")) {
  const needed = ["--model", "--host", "--port", "--ctx-size", "--parallel", "--cache-type-k", "--cache-type-v"];
  const more = ["--batch-size", "--ubatch-size", "--n-gpu-layers", "--device", "--load-mode", "--flash-attn [on|off]"];
  const asked = behaviour === "hangs-when-asked" ? ["--fit", "--log-verbosity"] : [];
  console.log([...needed, ...more, ...asked].join("\n"));
  process.exit(0);
}
if (args.includes("--log-verbosity")) {
  if (valueAfter("--alias") === "default/b") await new Promise((resolve) => setTimeout(resolve, 600_000));
  process.exit(0);
}
if (behaviour === "exits-at-once") {
  console.log("stand-in: nothing to do");
  process.exit(3);
}
if (behaviour === "ignores-sigterm") process.on("SIGTERM", () => console.log("stand-in: no"));

const held: Buffer[] = [];
const growth = Number(/^grows-(\d+)$/.exec(behaviour)?.[1] ?? 0);
if (growth > 0) setInterval(() => held.push(Buffer.alloc((growth * 2 ** 20) / 20, 1)), 50);

const { values } = parseArgs({ args, strict: false, allowPositionals: true, options: { port: { type: "string" } } });
const model = behaviour === "serves-another-model" ? "/somebody/else.gguf" : valueAfter("--model");
const answers: Readonly<Record<string, object>> = {
  "/health": { status: "ok" },
  "/props": { model_path: model, model_alias: valueAfter("--alias") },
  "/v1/completions": { choices: [{ text: "," }] },
};

let answered = false;
createServer((request, response) => {
  const failing = behaviour === "fails-completions" && request.method === "POST";
  const hung = behaviour === "turns-unhealthy" && answered;
  if (behaviour === "busy" && answered) return;
  answered ||= request.method === "POST";
  if (behaviour === "busy" && answered) setInterval(() => console.log("stand-in: at work"), 20);
  response.statusCode = failing || hung ? 500 : 200;
  response.end(JSON.stringify(failing ? { error: "Compute error." } : answers[request.url ?? ""]));
}).listen(Number(values["port"]), "127.0.0.1");

function valueAfter(flag: string): string | undefined {
  return args[args.indexOf(flag) + 1];
}
