// npm run bench:header: our reader beside @huggingface/gguf, on the same files in the same run. `-- --json` prints JSON.
import { execFile } from "node:child_process";
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import * as z from "zod";
import { MiB } from "../../api/bytes.ts";
import { readHeader } from "../../gguf/read.ts";
import { temporaryDirectory } from "../../test/support/workspace.ts";
import { type BenchModel, writeModels } from "./models.ts";

const PLACES = ["file", "HTTP", "HTTP, 30 ms a request"] as const;
type Place = (typeof PLACES)[number];
const DELAY_MS = 30;
/** How long each reader reads the same header again and again, and how often at most. */
const SECONDS = 4;
const MOST_READS = 200;
const CHILD = join(import.meta.dirname, "child.ts");
const execute = promisify(execFile);

const measuredSchema = z.object({
  reads: z.number(),
  tensors: z.number(),
  wallMs: z.number(),
  cpuMs: z.number(),
  peakBytes: z.number(),
});

type Measured = z.infer<typeof measuredSchema> & { readonly requests: number; readonly bytes: number };

interface Row {
  readonly model: string;
  readonly headerBytes: number;
  readonly place: Place;
  readonly ours: Measured;
  readonly huggingface: Measured;
}

const folder = await temporaryDirectory();
const [warmUp, ...models] = await writeModels(folder);
if (warmUp === undefined) throw new Error("there is nothing to warm up with");
const server = await serve([warmUp, ...models]);
const rows: Row[] = [];
for (const model of models) {
  const header = await readHeader(model.path);
  if (!header.ok) throw new Error(header.error);
  for (const place of PLACES) {
    const ours = await measure("ours", model, place);
    const huggingface = await measure("huggingface", model, place);
    if (ours.tensors !== huggingface.tensors) throw new Error("the two readers found different tensors");
    rows.push({ model: model.name, headerBytes: header.value.dataOffset, place, ours, huggingface });
  }
}
server.close();
if (process.argv.includes("--json")) console.log(JSON.stringify(rows, null, 2));
else print();

/** Serves the files by ranges, and counts requests and bytes. */
async function serve(files: readonly BenchModel[]) {
  const counts = { requests: 0, bytes: 0, open: 0 };
  const http = createServer(async (request, response) => {
    const [, delay = "", name = ""] = (request.url ?? "").split("/");
    const file = files.find(({ path }) => path.endsWith(`/${name}`));
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (file === undefined || range === null) {
      response.writeHead(404).end();
      return;
    }
    counts.requests += 1;
    counts.open += 1;
    const before = request.socket.bytesWritten;
    if (delay === "slow") await sleep(DELAY_MS);
    const start = Number(range[1]);
    const end = Math.min(Number(range[2]), file.fileBytes - 1);
    response.writeHead(206, {
      "content-range": `bytes ${start}-${end}/${file.fileBytes}`,
      "content-length": end - start + 1,
      etag: '"bench"',
    });
    const body = createReadStream(file.path, { start, end });
    body.pipe(response);
    // Counts what was written to the connection, not what a reader requested and then aborted.
    response.on("close", () => {
      counts.bytes += request.socket.bytesWritten - before;
      counts.open -= 1;
      body.destroy();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { origin: `http://127.0.0.1:${address.port}`, counts, close: () => http.close() };
}

async function measure(reader: "ours" | "huggingface", model: BenchModel, place: Place): Promise<Measured> {
  const source = sourceOf(model, place);
  const warm = sourceOf(warmUp ?? model, place);
  const run = async (what: string, seconds: number, most: number) => {
    const { stdout } = await execute(process.execPath, [CHILD, reader, what, warm, String(seconds), String(most)]);
    return measuredSchema.parse(JSON.parse(stdout));
  };
  // Both runs read the warm-up model first, so they differ by one read of the model.
  const once = await counted(() => run(source, 0, 1));
  const nothing = await counted(() => run(warm, 0, 1));
  const many = await run(source, SECONDS, MOST_READS);
  return {
    ...many,
    peakBytes: once.result.peakBytes - nothing.result.peakBytes,
    requests: once.requests - nothing.requests / 2,
    bytes: once.bytes - nothing.bytes / 2,
  };
}

/** Counts what the server sent in the meantime; aborted answers are counted when they have closed. */
async function counted<T>(work: () => Promise<T>) {
  const { requests, bytes } = server.counts;
  const result = await work();
  while (server.counts.open > 0) await sleep(5);
  return { result, requests: server.counts.requests - requests, bytes: server.counts.bytes - bytes };
}

function sourceOf({ path }: BenchModel, place: Place): string {
  if (place === "file") return path;
  return `${server.origin}/${place === "HTTP" ? "fast" : "slow"}/${path.slice(folder.length + 1)}`;
}

function print(): void {
  console.log(
    "| header | from | | wall ms | CPU ms | requests | MiB read | peak MiB |\n|---|---|---|---|---|---|---|---|",
  );
  for (const { model, headerBytes, place, ours, huggingface } of rows) {
    for (const [name, one] of [
      ["ours", ours],
      ["@huggingface/gguf", huggingface],
    ] as const) {
      const read = place === "file" ? ["", ""] : [String(one.requests), (one.bytes / MiB).toFixed(1)];
      const figures = [one.wallMs.toFixed(1), one.cpuMs.toFixed(1), ...read, (one.peakBytes / MiB).toFixed(0)];
      console.log(`| ${model}, ${(headerBytes / MiB).toFixed(1)} MiB | ${place} | ${name} | ${figures.join(" | ")} |`);
    }
  }
  console.log(
    "\n| header | from | wall | CPU (aim: 100) | requests (aim: at most 2) | bytes read relative to the header (aim: at most 1.3) |",
  );
  console.log("|---|---|---|---|---|---|");
  for (const { model, headerBytes, place, ours, huggingface } of rows) {
    const [wall, cpu] = [huggingface.wallMs / ours.wallMs, huggingface.cpuMs / ours.cpuMs].map((times) =>
      times.toFixed(0),
    );
    const read = place === "file" ? ["", ""] : [String(ours.requests), (ours.bytes / headerBytes).toFixed(2)];
    console.log(`| ${model} | ${place} | ${wall} times less | ${cpu} times less | ${read.join(" | ")} |`);
  }
}
