import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServedFile, sendRange, startServer, validators } from "../../test/gguf/range-server.ts";

const HEADER = join(import.meta.dirname, "../../test/fixtures/gemma3-270m.gguf.header");
const MODEL_BYTES = 246_602_592;

export interface Files {
  /** The address of the `index`th model; ten models are one file when there are ten files for a hundred. */
  readonly source: (index: number) => string;
  /** Requests so far. */
  readonly requests: () => number;
  /** From now on, before each answer. */
  delay: (milliseconds: number) => void;
  readonly stop: () => Promise<void>;
}

/** Serves `count` files with a real header by ranges on loopback, as a good server does: 304 where the version is known. */
export async function serveFiles(count: number): Promise<Files> {
  const head = await readFile(HEADER);
  let latencyMs = 0;
  const server = await startServer(async (request, response) => {
    await sleep(latencyMs);
    const file: ServedFile = { head, fileBytes: MODEL_BYTES, etag: `"bench${request.url}"` };
    if (request.headers["if-none-match"] === file.etag) response.writeHead(304, validators(file)).end();
    else sendRange(request, response, file);
  });
  return {
    source: (index) => `${server.origin}/model-${index % count}.gguf`,
    requests: () => server.requests.length,
    delay: (milliseconds) => {
      latencyMs = milliseconds;
    },
    stop: () => server.stop(),
  };
}
