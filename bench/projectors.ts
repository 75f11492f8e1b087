// npm run bench:projectors [-- --record] [name ...]: what llama-server reserves for the projectors of test/support/published-projectors.ts
// beside Gemma 3 270M: when it starts, and for the largest image that it takes. With --record it writes
// test/fixtures/projectors.json.
import { spawn } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { crc32, deflateSync } from "node:zlib";
import { execa } from "execa";
import getPort from "get-port";
import { writeGgufFile } from "../test/support/gguf-writer.ts";
import { PROJECTOR_FIXTURE, type ProjectorCase, readProjectors } from "../test/support/projector-cases.ts";
import { type ProjectorShape, projectorModel, SMALL_WIDTH } from "../test/support/projector-shapes.ts";
import { PROJECTOR_SHAPES } from "../test/support/published-projectors.ts";
import { temporaryDirectory } from "../test/support/workspace.ts";
import { ensureTool } from "../toolchain/ensure.ts";

const LONGEST_RUN_MS = 120_000;
const RESERVED = /reserve_compute_meta: +\S+ compute buffer size = +([\d.]+) MiB/g;

type Measurable = NonNullable<(typeof PROJECTOR_SHAPES)[string]>;

const server = await ensureTool("llama-server");
const model = await ensureTool("gemma3-270m");
const folder = await temporaryDirectory();
const port = await getPort();
const { values, positionals } = parseArgs({ allowPositionals: true, options: { record: { type: "boolean" } } });
const names = positionals.length > 0 ? positionals : Object.keys(PROJECTOR_SHAPES);
const recorded: Record<string, readonly ProjectorCase[]> = { ...readProjectors().projectors };
for (const name of names) {
  const shape = PROJECTOR_SHAPES[name];
  if (shape === undefined) throw new Error(`there is no projector ${name}`);
  recorded[name] = await measured(name, shape);
  if (values.record) await record();
}
await rm(folder, { recursive: true, force: true });

async function measured(name: string, { width, of }: Measurable): Promise<readonly ProjectorCase[]> {
  const whole = await written(`${name}.gguf`, of(width));
  const shape = of(SMALL_WIDTH);
  const small = await written(`${name}-small.gguf`, shape);
  const cases: ProjectorCase[] = [];
  for (const flashAttention of [true, false]) {
    const start = { flashAttention, width, computeMiB: await reservedBy(whole, flashAttention, undefined) };
    cases.push(start);
    const { largest } = shape;
    if (largest === undefined) continue;
    const computeMiB = await reservedBy(small, flashAttention, largest);
    cases.push({ flashAttention, width: SMALL_WIDTH, image: largest.join(" x "), computeMiB });
  }
  console.log(name, JSON.stringify(cases));
  await Promise.all([rm(whole), rm(small)]);
  return cases;
}

async function written(name: string, shape: ProjectorShape): Promise<string> {
  const path = join(folder, name);
  await writeGgufFile(path, projectorModel(shape));
  return path;
}

/** MiB that the encoder reserves when the server starts or, without a warm-up, for its first image. */
async function reservedBy(
  path: string,
  flashAttention: boolean,
  image: readonly [number, number] | undefined,
): Promise<number> {
  const fixed = [
    "-m",
    model,
    "--mmproj",
    path,
    "--device",
    "none",
    "-c",
    "8192",
    "-np",
    "1",
    "-lv",
    "5",
    "-fit",
    "off",
  ];
  const quiet = [
    "--cache-ram",
    "0",
    "--host",
    "127.0.0.1",
    "--port",
    String(port),
    "-fa",
    flashAttention ? "on" : "off",
  ];
  const child = spawn(server, [...fixed, ...quiet, ...(image === undefined ? [] : ["--no-warmup"])]);
  const timer = setTimeout(() => child.kill("SIGKILL"), LONGEST_RUN_MS);
  let log = "";
  let asked = false;
  const read = (chunk: Buffer) => {
    log += chunk.toString();
    const found = reserved(log);
    if (found !== undefined && log.includes("flash attention is")) child.kill("SIGKILL");
    if (image === undefined || asked || !log.includes("listening on http")) return;
    asked = true;
    ask(image).catch(() => undefined);
  };
  child.stdout.on("data", read);
  child.stderr.on("data", read);
  await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  const found = reserved(log);
  if (found === undefined) throw new Error(complaintOf(log));
  return found;
}

function reserved(log: string): number | undefined {
  return [...log.matchAll(RESERVED)].map(([, mib]) => Number(mib)).at(-1);
}

function complaintOf(log: string): string {
  const lines = log.split("\n").filter((text) => /error|GGML_ASSERT|exception|failed|unable/i.test(text));
  return lines.slice(0, 5).join(" | ") || log.slice(-800);
}

/** Resolves when the server has answered; it never does, because it is stopped once it has reserved its memory. */
async function ask([width, height]: readonly [number, number]): Promise<void> {
  const url = `data:image/png;base64,${png(width, height).toString("base64")}`;
  const content = [
    { type: "image_url", image_url: { url } },
    { type: "text", text: "What is this?" },
  ];
  await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ max_tokens: 1, messages: [{ role: "user", content }] }),
  });
}

/** A black image. */
function png(width: number, height: number): Buffer {
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.writeUInt8(8, 8);
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = deflateSync(Buffer.alloc((width + 1) * height));
  return Buffer.concat([signature, chunk("IHDR", head), chunk("IDAT", pixels), chunk("IEND", Buffer.alloc(0))]);
}

async function record(): Promise<void> {
  const { stdout, stderr } = await execa(server, ["--version"]);
  const llamaCpp = /version: (\S+)/.exec(stdout + stderr)?.[1] ?? "unknown";
  await writeFile(PROJECTOR_FIXTURE, `${JSON.stringify({ llamaCpp, projectors: recorded }, undefined, 2)}\n`);
}
