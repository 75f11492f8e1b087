import assert from "node:assert/strict";
import type { GgufHeader } from "../../gguf/header.ts";
import { type ReadOptions, readHeader } from "../../gguf/read.ts";
import { type WriterModel, writeGguf } from "../support/gguf-writer.ts";
import { type Handler, type ServedFile, startServer, type TestServer } from "./range-server.ts";

export const MiB = 2 ** 20;
export const GB = 10 ** 9;

export const smallModel: WriterModel = {
  metadata: { "general.architecture": "llama" },
  tensors: [{ name: "w", shape: [256] }],
};
const vocabulary = Array.from({ length: 128_000 }, (_, index) => `token-${index}`);
const largeModel: WriterModel = { metadata: { ...smallModel.metadata, "tokenizer.ggml.tokens": vocabulary } };

/** A header of a few hundred bytes, one range; 10 GB of data. */
export const small: ServedFile = { head: writeGguf(smallModel), fileBytes: 10 * GB, etag: '"one"' };
/** A header of 2.4 MiB, two ranges. */
export const large: ServedFile = { head: writeGguf(largeModel), fileBytes: 10 * GB, etag: '"one"' };

/** For a suite that serves: its servers are stopped after each test, and the environment is put back. */
export function serving(): { serve(handle: Handler): Promise<TestServer> } {
  const servers: TestServer[] = [];
  const machine = process.env;

  beforeEach(() => {
    const leadsElsewhere = /^(https?_proxy|no_proxy|hf_.*)$/i;
    process.env = Object.fromEntries(Object.entries(machine).filter(([name]) => !leadsElsewhere.test(name)));
  });

  afterEach(async () => {
    process.env = machine;
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });

  return {
    async serve(handle) {
      const server = await startServer(handle);
      servers.push(server);
      return server;
    },
  };
}

export async function accepted(source: string, options?: ReadOptions): Promise<GgufHeader> {
  const read = await readHeader(source, options);
  assert.ok(read.ok, read.ok ? "" : read.error);
  return read.value;
}

export async function refusal(source: string, options?: ReadOptions): Promise<string> {
  const read = await readHeader(source, options);
  assert.ok(!read.ok, "it was accepted");
  return read.error;
}
