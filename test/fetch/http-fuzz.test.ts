import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import fc from "fast-check";
import { download } from "../../agent/store/download.ts";
import { DEFAULT_LIMITS } from "../../agent/store/limits.ts";
import { readHeader } from "../../gguf/read.ts";
import { modelBytes, sha256Of } from "../agent/store/model-server.ts";
import { type Handler, startServer, type TestServer } from "../gguf/range-server.ts";
import { ggufFileBytes, writeGguf } from "../support/gguf-writer.ts";
import { temporaryDirectory } from "../support/workspace.ts";

/** The environment can ask for a longer run (`npm run fuzz:http`: 10 minutes), or for the cases of an earlier one. */
const FUZZ_SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 5);
const FUZZ_SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);
/** How long one header or download may take; a server that stands still is given up by then. */
const PATIENCE_MS = 400;
/** Cases side by side: most of the time is waiting. */
const AT_ONCE = 8;
/** How much a wrong length says too much. */
const TOO_LONG = 100;
/** Above it something hangs, however busy the machine is. */
const HANGS_MS = 30_000;
/** One sentence without control characters, which names its file. */
const SENTENCE = /^\P{Cc}{10,700}$/u;

/** The model that is asked for, of a few ranges, and another one of its size: their bytes must never be mixed. */
const vocabulary = Array.from({ length: 2000 }, (_, index) => `token-${index}`);
const spec = {
  metadata: { "general.architecture": "llama", "tokenizer.ggml.tokens": vocabulary },
  tensors: [{ name: "w", shape: [65_536] }],
};
const head = writeGguf(spec);
const size = ggufFileBytes(spec);
const versions = [0, 1].map((seed) => {
  const bytes = modelBytes(size, seed);
  head.copy(bytes);
  return bytes;
});
const [model = Buffer.alloc(0)] = versions;
const sha256 = sha256Of(model);
const limits = {
  ...DEFAULT_LIMITS,
  ...{ floorBytes: 0, chunkBytes: Math.ceil(size / 5), retries: 2, backOffMs: 1, checkpointMs: 50 },
};

/** What a server does wrong with one request. */
interface Fault {
  readonly status: "as asked" | "whole" | 302 | 307 | 400 | 401 | 403 | 404 | 410 | 416 | 429 | 500 | 503;
  /** Share of the body after which it does this. */
  readonly at: number;
  readonly ending: "nothing" | "cut" | "end" | "stall" | "more";
  readonly length: "right" | "short" | "long" | "none" | "chunked";
  readonly range: "right" | "shifted" | "star" | "shorter" | "nonsense" | "none" | "unit";
  readonly etag: "strong" | "other" | "weak" | "other weak" | "unquoted" | "none";
  readonly date: "one" | "other" | "none";
  readonly encoding: "none" | "identity" | "aws-chunked" | "" | "gzip" | "twice";
  readonly headers: Readonly<Record<string, string>>;
  readonly location: "link" | "itself" | "nowhere" | "file:" | "away";
  readonly second: boolean;
}

type CaseOf<Cases> = Cases extends fc.Arbitrary<infer Case> ? Case : never;

const mostly = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 9 * others.length, arbitrary: fc.constant(usual) },
    { weight: others.length, arbitrary: fc.constantFrom(...others) },
  );

const fault: fc.Arbitrary<Fault> = fc.record({
  status: mostly<Fault["status"]>("as asked", "whole", 302, 307, 400, 401, 403, 404, 410, 416, 429, 500, 503),
  at: fc.noBias(fc.nat({ max: 2 ** 20 })).map((part) => part / 2 ** 20),
  ending: mostly<Fault["ending"]>("nothing", "cut", "end", "stall", "more"),
  length: mostly<Fault["length"]>("right", "short", "long", "none", "chunked"),
  range: mostly<Fault["range"]>("right", "shifted", "star", "shorter", "nonsense", "none", "unit"),
  etag: mostly<Fault["etag"]>("strong", "other", "weak", "other weak", "unquoted", "none"),
  date: mostly<Fault["date"]>("one", "other", "none"),
  encoding: mostly<Fault["encoding"]>("none", "identity", "aws-chunked", "", "gzip", "twice"),
  headers: mostly<Fault["headers"]>(
    {},
    { "retry-after": "0" },
    { "retry-after": "9999" },
    { ratelimit: '"default";r=0;t=0' },
    { ratelimit: "limit=1, reset=0" },
    { "x-ratelimit-reset": "99999999999999" },
    { "x-error-code": "GatedRepo" },
  ),
  location: mostly<Fault["location"]>("link", "itself", "nowhere", "file:", "away"),
  second: mostly(false, true),
});

/** The faults of a server's requests in turn, and then of all later ones; a version of the file goes with each description of it. */
const cases = fc.record({
  faults: fc.array(fault, { minLength: 1, maxLength: 6 }),
  later: mostly<"good" | "again">("good", "again"),
  checked: fc.boolean(),
});

const WRONG_LENGTHS: Readonly<Record<string, (bytes: number, at: number) => number>> = {
  short: (bytes, at) => Math.floor(bytes * at),
  long: (bytes) => bytes + TOO_LONG,
};

const LOCATIONS: Readonly<Record<Fault["location"], string>> = {
  link: "/link?signature=1",
  itself: "/m.gguf",
  nowhere: "",
  "file:": "file:///etc/hosts",
  away: "http://127.0.0.1:1/m.gguf",
};

const ETAGS: Readonly<Record<Fault["etag"], readonly [first: string, second: string] | undefined>> = {
  strong: ['"a"', '"b"'],
  other: ['"c"', '"d"'],
  weak: ['W/"a"', 'W/"b"'],
  "other weak": ['W/"c"', 'W/"d"'],
  unquoted: ["a", "b"],
  none: undefined,
};

const DATES = {
  one: ["Mon, 01 Sep 2025 00:00:00 GMT", "Tue, 02 Sep 2025 00:00:00 GMT"],
  other: ["Wed, 03 Sep 2025 00:00:00 GMT", "Thu, 04 Sep 2025 00:00:00 GMT"],
};

function answering(faults: readonly Fault[], later: "good" | "again"): Handler {
  return (request, response, index) => {
    const bad = faults[index] ?? (later === "again" ? faults[index % faults.length] : undefined);
    const match = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const begin = Number(match?.[1] ?? 0);
    const end = Math.min(match?.[2] ? Number(match[2]) + 1 : size, size);
    if (bad === undefined) return good(response, begin, end);
    misbehave(response, bad, begin, end);
  };
}

function good(response: ServerResponse, begin: number, end: number): void {
  const range = `bytes ${begin}-${end - 1}/${size}`;
  response.writeHead(206, { etag: '"a"', "content-range": range, "content-length": end - begin });
  response.end(model.subarray(begin, end));
}

function misbehave(response: ServerResponse, bad: Fault, begin: number, end: number): void {
  const { status } = bad;
  for (const [name, value] of Object.entries(bad.headers)) response.setHeader(name, value);
  if (typeof status === "number") {
    if (status < 400 && bad.location !== "nowhere") response.setHeader("location", LOCATIONS[bad.location]);
    if (status === 416 && bad.range !== "none")
      response.setHeader("content-range", `bytes */${bad.range === "right" ? size : 7}`);
    response.writeHead(status).end("<Error><Code>AccessDenied</Code></Error>");
    return;
  }
  // Nobody could tell the other version where nothing describes it.
  const version = bad.second && (bad.etag !== "none" || bad.date !== "none") ? 1 : 0;
  const [from, to] = status === "whole" ? [0, size] : [begin, end];
  const body = versions[version]?.subarray(from, to) ?? Buffer.alloc(0);
  const etag = ETAGS[bad.etag]?.[version];
  if (etag !== undefined) response.setHeader("etag", etag);
  if (bad.date !== "none") response.setHeader("last-modified", DATES[bad.date][version] ?? "");
  if (bad.encoding !== "none")
    response.setHeader("content-encoding", bad.encoding === "twice" ? ["identity", "gzip"] : bad.encoding);
  if (status !== "whole" && bad.range !== "none") response.setHeader("content-range", rangeText(bad.range, from, to));
  const wrong = WRONG_LENGTHS[bad.length]?.(body.length, bad.at);
  if (bad.length === "right" || wrong !== undefined) response.setHeader("content-length", wrong ?? body.length);
  response.strictContentLength = false;
  response.shouldKeepAlive = bad.length === "right";
  response.useChunkedEncodingByDefault = bad.length === "chunked";
  response.writeHead(status === "whole" ? 200 : 206);
  const sent = bad.ending === "nothing" ? body : body.subarray(0, Math.floor(body.length * bad.at));
  if (bad.ending === "more") response.end(Buffer.concat([body, Buffer.alloc(5000, 1)]));
  else if (bad.ending === "nothing" || bad.ending === "end") response.end(sent);
  else response.write(sent, () => bad.ending === "cut" && response.destroy());
}

function rangeText(range: Fault["range"], from: number, to: number): string {
  const texts: Readonly<Record<Fault["range"], string>> = {
    right: `bytes ${from}-${to - 1}/${size}`,
    shifted: `bytes ${from + 1}-${to}/${size}`,
    star: `bytes ${from}-${to - 1}/*`,
    shorter: `bytes ${from}-${from + Math.floor((to - from) / 2)}/${size}`,
    nonsense: `bytes ${to}-${from}/zero`,
    unit: `items ${from}-${to - 1}/${size}`,
    none: "",
  };
  return texts[range];
}

/** Of one version, whole. Who says a wrong length of all of it, and a sha256 is not known, is believed: his file might be like that. */
function isVersion(bytes: Buffer, faults: readonly Fault[]): boolean {
  const wrong = faults
    .filter(({ status }) => status === "whole")
    .flatMap(({ length, at }) => WRONG_LENGTHS[length]?.(size, at) ?? []);
  if (bytes.length !== size && !wrong.includes(bytes.length)) return false;
  const common = Math.min(bytes.length, size);
  return versions.some((version) => version.subarray(0, common).equals(bytes.subarray(0, common)));
}

describe("headers and downloads from a server that does everything wrong", () => {
  let folder: string;
  before(async () => {
    folder = await temporaryDirectory();
  });
  const counts = { read: 0, notRead: 0, downloaded: 0, notDownloaded: 0 };

  async function readOne({ origin }: TestServer): Promise<void> {
    const read = await readHeader(`${origin}/m.gguf`, { timeoutMs: PATIENCE_MS });
    if (!read.ok) {
      counts.notRead += 1;
      assert.match(read.error, SENTENCE);
      assert.notEqual(read.kind, "internal", read.error);
      return;
    }
    counts.read += 1;
    assert.equal(read.value.dataOffset, head.length);
    // A length that is too long shows at the end of the file only, which nobody asks for here.
    assert([size, size + TOO_LONG].includes(read.value.fileBytes), `${read.value.fileBytes} bytes`);
  }

  async function downloadOne(
    { origin }: TestServer,
    path: string,
    { faults, checked: isChecked }: CaseOf<typeof cases>,
  ): Promise<void> {
    const failure = await download({
      location: { kind: "http", name: "m.gguf", url: new URL(`${origin}/m.gguf`) },
      path,
      sha256: isChecked ? sha256 : undefined,
      limits,
      signal: AbortSignal.timeout(PATIENCE_MS),
      progress: (message) => assert.match(message, /^\P{Cc}+$/u),
    });
    const bytes = await readFile(path).catch(() => undefined);
    if (failure !== undefined) {
      counts.notDownloaded += 1;
      assert.match(failure.error, SENTENCE);
      assert.notEqual(failure.kind, "internal", failure.error);
      assert.equal(bytes, undefined);
      return;
    }
    counts.downloaded += 1;
    assert(bytes !== undefined);
    if (isChecked) assert(bytes.equals(model), "it is not what has this sha256");
    else assert(isVersion(bytes, faults), "it is no version of the file");
  }

  let number = 0;
  async function one({ faults, later, checked }: CaseOf<typeof cases>): Promise<void> {
    number += 1;
    const path = join(folder, `m-${number}.gguf`);
    const [reading, downloading] = [
      await startServer(answering(faults, later)),
      await startServer(answering(faults, later)),
    ];
    const begin = performance.now();
    try {
      await Promise.all([readOne(reading), downloadOne(downloading, path, { faults, later, checked })]);
      assert(performance.now() - begin < HANGS_MS, "it hung");
    } finally {
      await Promise.all([reading.stop(), downloading.stop()]);
      for (const suffix of ["", ".part", ".part.json"]) await rm(`${path}${suffix}`, { force: true });
    }
  }

  it(`gives the very bytes or one sentence, and never hangs, in ${FUZZ_SECONDS} s of them`, async function () {
    this.timeout(FUZZ_SECONDS * 10_000 + HANGS_MS);
    console.log(`      again: FUZZ_SEED=${FUZZ_SEED} FUZZ_SECONDS=${FUZZ_SECONDS} npm run fuzz:http`);
    const some = fc.array(cases, { minLength: AT_ONCE, maxLength: AT_ONCE });
    const property = fc.asyncProperty(some, async (batch) => {
      await Promise.all(batch.map(one));
    });
    const parameters = {
      ...(process.env["FUZZ_PATH"] && { path: process.env["FUZZ_PATH"] }),
      seed: FUZZ_SEED,
      numRuns: 2 ** 31,
      interruptAfterTimeLimit: FUZZ_SECONDS * 1000,
    };
    await fc.assert(property, { endOnFailure: true, ...parameters });
    console.log(`      seed ${FUZZ_SEED}: ${JSON.stringify(counts)}`);
    for (const count of Object.values(counts)) assert(count > 0);
  });
});
