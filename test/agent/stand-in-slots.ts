import { readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "node:path";

/**
 * What a stand-in for llama-server does when it is asked to save or restore its slot. Each character of a prompt is a token, and a file has
 * ten bytes a token.
 */
export type SlotBehaviour =
  | "slots-well"
  | "slots-save-refused"
  | "slots-save-hangs"
  | "slots-save-dies"
  | "slots-save-writes-less"
  | "slots-restore-refused"
  | "slots-restore-hangs"
  | "slots-restore-dies"
  | "slots-restore-garbled"
  | "slots-restore-wrong"
  | "slots-restore-never-erases";

const TOKEN_BYTES = 10;

export interface StandInSlots {
  /** Tokens that the slot holds. */
  readonly tokens: () => number;
  /** Notes the prompt of a request. */
  readonly read: (request: IncomingMessage) => void;
  /** Answers an action on the slot. */
  readonly take: (request: IncomingMessage, response: ServerResponse) => void;
}

/** @param folder of `--slot-save-path`; undefined: it refuses every action, as llama-server does */
export function standInSlots(behaviour: string, folder: string | undefined): StandInSlots {
  let tokens = 2;
  const withBody = (request: IncomingMessage, done: (body: { prompt?: unknown; filename?: unknown }) => void) => {
    let text = "";
    request.on("data", (chunk) => (text += String(chunk)));
    request.on("end", () => done(text === "" ? {} : JSON.parse(text)));
  };
  const act = (action: string, path: string, answer: (status: number, body: object | string) => void) => {
    if (behaviour === `slots-${action}-hangs`) return;
    if (behaviour === `slots-${action}-dies`) process.exit(9);
    if (behaviour === `slots-${action}-refused`) return answer(400, { error: { message: "Unable to do that" } });
    if (action === "erase") {
      if (behaviour === "slots-restore-never-erases") return answer(500, {});
      tokens = 0;
      return answer(200, { n_erased: tokens });
    }
    if (action === "save") {
      const bytes = tokens * TOKEN_BYTES;
      writeFileSync(path, Buffer.alloc(behaviour === "slots-save-writes-less" ? bytes - 1 : bytes, 1));
      return answer(200, { n_saved: tokens, n_written: bytes });
    }
    const bytes = readFileSync(path).length;
    tokens = bytes / TOKEN_BYTES;
    console.log(`stand-in: restored ${tokens} tokens`);
    if (behaviour === "slots-restore-garbled") return answer(200, "restored");
    const wrong = behaviour === "slots-restore-wrong" || behaviour === "slots-restore-never-erases";
    return answer(200, { n_restored: wrong ? tokens + 1 : tokens, n_read: bytes });
  };
  return {
    tokens: () => tokens,
    read: (request) => {
      if (request.method !== "POST") return;
      withBody(request, ({ prompt }) => {
        if (typeof prompt === "string") tokens = prompt.length;
      });
    },
    take: (request, response) => {
      const action = new URL(request.url ?? "", "http://stand-in").searchParams.get("action") ?? "";
      withBody(request, ({ filename }) => {
        const answer = (status: number, body: object | string) => {
          response.statusCode = status;
          response.end(typeof body === "string" ? body : JSON.stringify(body));
        };
        if (folder === undefined) answer(501, { error: { message: "not supported" } });
        else act(action, join(folder, String(filename)), answer);
      });
    },
  };
}
