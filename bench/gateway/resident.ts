import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { residentBytes } from "./processes.ts";
import { withChat } from "./sides.ts";

export interface ResidentFigures {
  readonly what: "idle connections" | "stalled readers";
  readonly count: number;
  /** Those that were still open when it was measured: a gateway may close what is idle for long. */
  readonly open: number;
  /** Of the agent's main process, in bytes. */
  readonly before: number;
  /** Its most while they were there. */
  readonly during: number;
  /** Some seconds after they are gone. */
  readonly after: number;
}

export interface ResidentWanted {
  readonly idle: number;
  readonly stalled: number;
}

const SETTLED_MS = 3000;
const HELD_MS = 4000;
const SAMPLE_MS = 100;
/** Of a thousand bytes each: what a stalled reader would have to hold is far above every buffer. */
const TOKENS_OF_STALLED = 20_000;
const AT_ONCE = 50;

/** What connections that do nothing cost the agent, and readers that do not read. */
export async function residents({ idle, stalled }: ResidentWanted): Promise<readonly ResidentFigures[]> {
  const chat = { slots: stalled, contextSize: stalled * 256, budget: "3Gi", server: "flood" } as const;
  return withChat(chat, async (agent) => {
    const body = JSON.stringify({ model: "chat", prompt: "a", stream: true, max_tokens: TOKENS_OF_STALLED });
    const post = `POST /v1/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const get = "GET /v1/models HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    // The first of each warms up: code and pools that stay whatever connects.
    await held(agent, "idle connections", Math.min(AT_ONCE, idle), get);
    const first = await held(agent, "idle connections", idle, get);
    await held(agent, "stalled readers", 2, post);
    return [first, await held(agent, "stalled readers", stalled, post)];
  });
}

async function held(
  { pid, port }: { readonly pid: number; readonly port: number },
  what: ResidentFigures["what"],
  count: number,
  text: string,
): Promise<ResidentFigures> {
  await sleep(SETTLED_MS);
  const before = residentBytes(pid);
  let during = before;
  const timer = setInterval(() => (during = Math.max(during, residentBytes(pid))), SAMPLE_MS);
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const many = Math.min(AT_ONCE, count - sockets.length);
    sockets.push(...(await Promise.all(Array.from({ length: many }, () => opened(port, text, what)))));
  }
  await sleep(HELD_MS);
  clearInterval(timer);
  const open = sockets.filter((socket) => !socket.readableEnded && !socket.destroyed).length;
  for (const socket of sockets) socket.destroy();
  await sleep(SETTLED_MS);
  return { what, count, open, before, during, after: residentBytes(pid) };
}

/** A connection that has sent `text`; a stalled reader never reads, the other reads what comes. */
async function opened(port: number, text: string, what: ResidentFigures["what"]): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", reject);
    socket.once("connect", () => {
      socket.write(text);
      if (what === "stalled readers") socket.pause();
      else socket.resume();
      resolve(socket);
    });
  });
}
