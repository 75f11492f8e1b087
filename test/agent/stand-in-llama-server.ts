import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { standInSlots } from "./stand-in-slots.ts";

/**
 * Stands in for llama-server where the real one cannot misbehave on demand. With `--api-key-file` it asks for the first key in it. The
 * first argument is the behaviour, of all workloads, or with `@NAME` behind it of that one:
 * `well`, `exits-at-once`, `ignores-sigterm`, `serves-another-model`, `fails-completions`, `turns-unhealthy` (after its first answer), `grows-N` (MiB a second),
 * `busy` (after its first answer it works and answers nothing), `hangs` (after its first answer it neither works nor answers),
 * `hangs-at-once` (it answers nothing at all), `gpu-fault` (after its first answer it prints what Metal prints, and completions fail),
 * `stops-computing` and `fails-once` (after its first answer completions fail, always or once, and its log says so),
 * `slots-...` (it saves and restores what it has read, as stand-in-slots.ts says), `works-for-ever` (it says that it works on a request, and answers all the same), `wants-a-key` (of which nobody told it), `hangs-when-asked` (for a projection, and only for default/b; the others print none).
 */
const [wanted = "well", ...args] = process.argv.slice(2);
const [kind = "well", only] = wanted.split("@");
const behaviour = only === undefined || only === valueAfter("--alias") ? kind : "well";
if (args.includes("--version")) {
  console.error("version: 0.6.0-dev (build 0, commit stand-in)");
  process.exit(0);
}
if (args.includes("--list-devices")) {
  console.log("Available devices:\n  MTL0: Apple stand-in (8192 MiB, 8192 MiB free)");
  process.exit(0);
}
if (args.includes("--help")) {
  const needed = ["--model", "--host", "--port", "--ctx-size", "--parallel", "--cache-type-k", "--cache-type-v"];
  const more = [
    "--batch-size",
    "--ubatch-size",
    "--n-gpu-layers",
    "--device",
    "--load-mode",
    "--flash-attn [on|off]",
    "--list-devices",
    "--api-key-file",
  ];
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

const keyFile = args.includes("--api-key-file") ? valueAfter("--api-key-file") : undefined;
const [keyInFile] = keyFile === undefined ? [] : readFileSync(keyFile, "utf8").trim().split("\n");
const key = behaviour === "wants-a-key" ? "nobody knows it" : keyInFile;

const slotActions = standInSlots(
  behaviour,
  args.includes("--slot-save-path") ? valueAfter("--slot-save-path") : undefined,
);
let answered = false;
let completions = 0;
let failures = 0;
/** As llama-server shows its slots: one, and what the last request has left in it. */
const slots = () => [
  { id: 0, is_processing: behaviour === "works-for-ever", id_task: completions, n_prompt_tokens: slotActions.tokens() },
];
createServer((request, response) => {
  if (request.url?.startsWith("/slots/")) return slotActions.take(request, response);
  slotActions.read(request);
  const completion = request.method === "POST";
  if (behaviour === "hangs-at-once" || (answered && (behaviour === "busy" || behaviour === "hangs"))) return;
  if (key !== undefined && request.url !== "/health" && request.headers.authorization !== `Bearer ${key}`) {
    response.statusCode = 401;
    response.end(JSON.stringify({ error: { message: "Invalid API Key" } }));
    return;
  }
  const broken =
    behaviour === "gpu-fault" || behaviour === "stops-computing" || (behaviour === "fails-once" && failures === 0);
  const failing = completion && (behaviour === "fails-completions" || (answered && broken));
  if (completion) completions += 1;
  if (failing) failures += 1;
  if (failing && !behaviour.startsWith("gpu"))
    console.log("1.0 E srv  process_batc: Compute error. off = 0, n_batch = 2, ret = -3");
  if (completion && answered) console.log("stand-in: asked again");
  if (request.url === "/slots") {
    response.end(JSON.stringify(slots()));
    return;
  }
  const hung = behaviour === "turns-unhealthy" && answered;
  answered ||= completion;
  if (behaviour === "busy" && answered) setInterval(() => console.log("stand-in: at work"), 20);
  if (behaviour === "gpu-fault" && completion) console.log("ggml_metal_graph_compute: backend is in error state");
  response.statusCode = failing || hung ? 500 : 200;
  response.end(JSON.stringify(failing ? { error: { message: "Compute error." } } : answers[request.url ?? ""]));
}).listen(Number(values["port"]), args.includes("--host") ? valueAfter("--host") : "127.0.0.1");

function valueAfter(flag: string): string | undefined {
  return args[args.indexOf(flag) + 1];
}
