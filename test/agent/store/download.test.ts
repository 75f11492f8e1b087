import assert from "node:assert/strict";
import { existsSync, lstatSync, readFileSync, statSync } from "node:fs";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execa } from "execa";
import { download } from "../../../agent/store/download.ts";
import { DEFAULT_LIMITS, type StoreLimits } from "../../../agent/store/limits.ts";
import { startServer } from "../../gguf/range-server.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { KIB, type ModelServer, modelBytes, sha256Of, startModelServer } from "./model-server.ts";

const MIB = 1024 * KIB;
const limits: StoreLimits = {
  ...DEFAULT_LIMITS,
  floorBytes: 0,
  chunkBytes: MIB,
  retries: 3,
  backOffMs: 10,
  lockStaleMs: 2000,
  checkpointMs: 20,
};

describe("a download", function () {
  this.timeout(60_000);
  let server: ModelServer;
  let path: string;

  beforeEach(async () => {
    server = await startModelServer(modelBytes(5 * MIB + 123));
    path = join(await temporaryDirectory(), "models", "m.gguf");
  });

  afterEach(() => server.stop());

  interface Run {
    readonly url?: string;
    readonly sha256?: string | undefined;
    readonly limits?: StoreLimits;
    readonly signal?: AbortSignal;
    readonly messages?: string[];
  }
  const run = async (options: Run = {}) => (await failureOf(options))?.error;
  const failureOf = (options: Run = {}) =>
    download({
      location: { kind: "http", name: "m.gguf", url: new URL(options.url ?? server.url) },
      path,
      sha256: "sha256" in options ? options.sha256 : server.sha256(),
      limits: options.limits ?? limits,
      signal: options.signal ?? new AbortController().signal,
      progress: (message) => options.messages?.push(message),
    });
  const files = () => readdir(dirname(path));
  const until = async (holds: () => boolean) => {
    for (let tries = 0; !holds(); tries += 1) {
      assert(tries < 6000, "what is waited for does not come");
      await sleep(5);
    }
  };
  /** Bytes that the requests from the `index`th on asked for. */
  const askedSince = (index: number) =>
    server.requests.slice(index).reduce((sum, { headers }) => sum + lengthOf(headers.range), 0);
  /** Downloads until a checkpoint says that as many bytes are safe, then stops. */
  const breakOffAfter = async (bytes: number, options: Run = {}) => {
    server.serving.stallAfter = bytes;
    const stop = new AbortController();
    const running = run({ ...options, signal: stop.signal });
    await until(() => safeBytes(path) >= bytes);
    stop.abort();
    assert.match((await running) ?? "", /was cancelled/);
    server.serving.stallAfter = Infinity;
    assert.equal(existsSync(path), false);
  };

  it("comes over several connections where ranges are served, and is whole", async () => {
    assert.equal(await run(), undefined);
    assert.deepEqual(await readFile(path), server.serving.model);
    assert.deepEqual(await files(), ["m.gguf"]);
    assert.equal(server.requests.length, 6);
    assert(server.connections() > 1 && server.connections() <= 4, `${server.connections()} connections`);
    assert.equal(statSync(path).mode & 0o777, 0o644 & ~process.umask());
  });

  it("comes in one stream where they are not", async () => {
    server.serving.ranges = false;
    assert.equal(await run(), undefined);
    assert.deepEqual(await readFile(path), server.serving.model);
    assert.equal(server.requests.length, 1);
  });

  it("goes on where it was stopped, and asks for the rest only", async () => {
    await breakOffAfter(700 * KIB);
    const [before, safe] = [server.requests.length, safeBytes(path)];
    assert.equal(await run(), undefined);
    assert.deepEqual(await readFile(path), server.serving.model);
    assert.equal(askedSince(before), server.serving.model.length - safe);
    for (const { headers } of server.requests.slice(before)) assert.equal(headers["if-range"], '"one"');
  });

  it("goes on where an agent was killed (kill -9), once its lock is stale", async () => {
    server.serving.stallAfter = 700 * KIB;
    const script = join(import.meta.dirname, "killed-agent.ts");
    const agent = execa("node", [script, server.url, path, server.sha256(), JSON.stringify(limits)], {
      preferLocal: true,
      reject: false,
    });
    await until(() => safeBytes(path) >= 2 * 700 * KIB);
    agent.kill("SIGKILL");
    await agent;
    server.serving.stallAfter = Infinity;
    const [sent, safe] = [server.sentBytes(), safeBytes(path)];
    const messages: string[] = [];
    assert.equal(await run({ messages }), undefined);
    assert.deepEqual(await readFile(path), server.serving.model);
    assert.equal(server.sentBytes() - sent, server.serving.model.length - safe);
    assert(messages.includes("another agent is downloading it"), messages.join("\n"));
    assert.deepEqual(await files(), ["m.gguf"]);
  });

  const replaced: readonly (readonly [name: string, replace: () => void])[] = [
    [
      "its ETag",
      () => {
        server.serving.model = modelBytes(server.serving.model.length, 1);
        server.serving.etag = '"two"';
      },
    ],
    [
      "its size",
      () => {
        server.serving.model = modelBytes(3 * MIB, 1);
      },
    ],
  ];
  for (const [name, replace] of replaced) {
    it(`starts over and says so where ${name} has changed since it was stopped`, async () => {
      await breakOffAfter(700 * KIB, { sha256: undefined });
      replace();
      const messages: string[] = [];
      assert.equal(await run({ sha256: undefined, messages }), undefined);
      assert.deepEqual(await readFile(path), server.serving.model);
      assert.match(messages.at(-1) ?? "", /^the file changed at its source, started over: \d+%/);
    });
  }

  it("starts over where the file is replaced while it comes", async () => {
    server.serving.stallAfter = 700 * KIB;
    const running = run({ sha256: undefined });
    await until(() => safeBytes(path) >= 4 * 700 * KIB);
    server.serving.model = modelBytes(5 * MIB + 123, 1);
    server.serving.etag = '"two"';
    server.serving.stallAfter = Infinity;
    server.disconnect();
    assert.equal(await running, undefined);
    assert.deepEqual(await readFile(path), server.serving.model);
  });

  it("survives answers that break off as long as each brings something", async () => {
    server.serving.breakAfter = 100 * KIB;
    assert.equal(await run(), undefined);
    assert.deepEqual(await readFile(path), server.serving.model);
  });

  it("keeps what came of a file that stays truncated, and never serves it", async () => {
    const truncated = await startServer((request, response) => {
      const begin = Number(/bytes=(\d+)/.exec(request.headers.range ?? "")?.[1]);
      if (begin > 0) {
        response.destroy();
        return;
      }
      response.writeHead(200, { "content-length": 5 * MIB, etag: '"t"' });
      response.write(modelBytes(100 * KIB), () => setTimeout(() => response.destroy(), 50));
    });
    try {
      assert.match((await run({ url: truncated.origin, sha256: undefined })) ?? "", /the connection to .* failed/);
      assert.deepEqual(await files(), ["m.gguf.part", "m.gguf.part.json"]);
      assert.equal(safeBytes(path), 100 * KIB);
    } finally {
      await truncated.stop();
    }
  });

  it("keeps nothing of a file with another sha256", async () => {
    const other = sha256Of(modelBytes(5));
    assert.equal(await run({ sha256: other }), `m.gguf: its sha256 is ${server.sha256()}, the Model asks for ${other}`);
    assert.deepEqual(await files(), []);
  });

  it("notices that the bytes on the disk were spoilt while it was stopped", async () => {
    await breakOffAfter(700 * KIB);
    const part = await readFile(`${path}.part`);
    part.fill(0, 1000, 2000);
    await writeFile(`${path}.part`, part);
    assert.match((await run()) ?? "", /its sha256 is/);
    assert.deepEqual(await files(), []);
    assert.equal(await run(), undefined);
    assert.deepEqual(await readFile(path), server.serving.model);
  });

  for (const [name, sidecar] of [
    ["is no JSON", "{"],
    ["claims more than there is", JSON.stringify({ version: 1, fileBytes: 9e9, etag: '"one"', done: [[0, 8e9]] })],
  ]) {
    it(`begins anew where what an earlier download noted ${name}`, async () => {
      await mkdir(dirname(path));
      await writeFile(`${path}.part`, "GGUF and something else");
      await writeFile(`${path}.part.json`, sidecar ?? "");
      assert.equal(await run({ sha256: undefined }), undefined);
      assert.deepEqual(await readFile(path), server.serving.model);
    });
  }

  it("does not write through a link in the place of its part", async () => {
    const target = join(await temporaryDirectory(), "precious");
    await writeFile(target, "precious");
    await mkdir(dirname(path));
    for (const suffix of [".part", ".part.json", ".part.json.new"]) await symlink(target, `${path}${suffix}`);
    await breakOffAfter(700 * KIB);
    assert.equal(lstatSync(`${path}.part`).mode & 0o777, 0o600);
    assert.equal(await run(), undefined);
    assert.equal(await readFile(target, "utf8"), "precious");
    assert(lstatSync(path).isFile());
  });

  it("is paused with a sentence where the disk fills up, and goes on when there is space", async function () {
    const disk = await temporaryDirectory();
    const mounted = await execa("mount", ["-t", "tmpfs", "-o", "size=4m", "none", disk], { reject: false });
    if (mounted.failed) {
      console.warn(`no small disk can be mounted here (${mounted.stderr || mounted.shortMessage})`);
      this.skip();
    }
    try {
      path = join(disk, "models", "m.gguf");
      server.serving.model = modelBytes(3 * MIB);
      server.serving.stallAfter = 700 * KIB;
      const running = run({ limits: { ...limits, floorBytes: 256 * KIB } });
      await until(() => safeBytes(path) >= 3 * 700 * KIB);
      const ballast = join(disk, "ballast");
      await writeFile(ballast, Buffer.alloc(4 * MIB)).catch(() => {});
      server.serving.stallAfter = Infinity;
      server.disconnect();
      assert.match(
        (await running) ?? "",
        /paused: the disk of .* has only .* free, and .* must stay free|the disk of .* is full/,
      );
      assert.equal(existsSync(path), false);
      const safe = safeBytes(path);
      assert(safe >= 3 * 700 * KIB);
      assert.match((await run()) ?? "", /it needs .* more, and the disk of .* has .* free/);
      await writeFile(ballast, "");
      const before = server.requests.length;
      assert.equal(await run(), undefined);
      assert.equal(askedSince(before), server.serving.model.length - safe);
      assert.deepEqual(await readFile(path), server.serving.model);
    } finally {
      await execa("umount", [disk]);
    }
  });
});

/** As the sidecar says. */
function safeBytes(path: string): number {
  try {
    const { done }: { done: [number, number][] } = JSON.parse(readFileSync(`${path}.part.json`, "utf8"));
    return done.reduce((sum, [begin, end]) => sum + end - begin, 0);
  } catch {
    return 0;
  }
}

function lengthOf(range: string | undefined): number {
  const [, begin, last] = /^bytes=(\d+)-(\d+)$/.exec(range ?? "") ?? [];
  return Number(last) - Number(begin) + 1;
}
