import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileGate } from "../../../agent/files/gate.ts";
import { fileLooks } from "../../../agent/files/looks.ts";
import { DEFAULT_LIMITS } from "../../../agent/store/limits.ts";
import { modelStore } from "../../../agent/store/store.ts";
import type { StoredModel } from "../../../agent/store/stored.ts";
import { writeGguf } from "../../support/gguf-writer.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

export const model = writeGguf({ metadata: { "general.architecture": "llama" } });
export const sha256 = createHash("sha256").update(model).digest("hex");
export const HOUR = 3_600_000;

/** Small, so that a file that never comes is given up soon. */
const limits = { ...DEFAULT_LIMITS, floorBytes: 0, retries: 2, backOffMs: 10 };

/** What each test of a store finds anew: an empty models folder and a server that serves {@link model}. */
export interface StoreGround {
  readonly folder: string;
  /** Answered so far. */
  requests: number;
  answer: RequestListener;
  /** Of the injected clock, in milliseconds. */
  now: number;
  readonly openStore: (at?: string) => ReturnType<typeof modelStore>;
  readonly url: (name?: string) => string;
}

/** Call it in a `describe`. */
export function storeGround(): StoreGround {
  let folder = "";
  let server: Server;
  const clock = () => ground.now;
  const ground = {
    get folder() {
      return folder;
    },
    requests: 0,
    answer: serveModel,
    now: 0,
    openStore: (at: string = folder) =>
      modelStore({
        folder: at,
        looks: fileLooks(fileGate(clock), () => {}, clock),
        changed: () => {},
        signal: new AbortController().signal,
        limits,
        clock,
      }),
    url: (name = "m.gguf") => {
      const address = server.address();
      assert(typeof address === "object" && address !== null);
      return `http://127.0.0.1:${address.port}/${name}`;
    },
  };
  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "models");
    Object.assign(ground, { requests: 0, now: 0, answer: serveModel });
    server = createServer((request, response) => {
      ground.requests += 1;
      ground.answer(request, response);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });
  return ground;
}

const serveModel: RequestListener = (_, response) => {
  response.setHeader("content-length", model.length).end(model);
};

/** Once somebody has looked at the files. */
export async function looked(look: () => StoredModel): Promise<StoredModel> {
  for (let view = look(); ; view = look()) {
    if (view.state !== "looking") return view;
    await sleep(1);
  }
}

export async function settled(look: () => StoredModel): Promise<StoredModel> {
  for (let view = look(); ; view = look()) {
    if (view.state === "ready" || view.state === "failed") return view;
    await sleep(10);
  }
}

/** Looks each minute of the injected clock for `hours`; how many requests that made. */
export async function requestsWithin(ground: StoreGround, hours: number, look: () => StoredModel): Promise<number> {
  const before = ground.requests;
  for (const end = ground.now + hours * HOUR; ground.now < end; ground.now += 60_000) await looked(look);
  await settled(look);
  return ground.requests - before;
}
