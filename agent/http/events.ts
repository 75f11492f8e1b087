import type { ServerResponse } from "node:http";
import type { AgentStatus } from "../status/status.ts";
import type { View } from "./view.ts";

/** A client that lets this much pile up has stopped reading. */
const MAX_UNREAD_BYTES = 2 ** 20;
const RETRY_MS = 1000;

export interface EventStreams {
  /** Sends the status there is and each one after it; false where too many listen already. */
  readonly open: (response: ServerResponse) => boolean;
}

/**
 * Server-sent events named `status`, one a tick: a page that gets none knows that the agent is stuck or gone.
 *
 * @param most that listen at a time
 */
export function eventStreams(view: View, most: number): EventStreams {
  let clients = 0;
  return {
    open: (response) => {
      if (clients >= most) return false;
      clients += 1;
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      response.write(`retry: ${RETRY_MS}\n\n`);
      const send = (status: AgentStatus) => {
        if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
        else response.write(`event: status\ndata: ${JSON.stringify(status)}\n\n`);
      };
      const status = view.status();
      if (status !== undefined) send(status);
      const unsubscribe = view.subscribe(send);
      response.once("close", () => {
        unsubscribe();
        clients -= 1;
      });
      return true;
    },
  };
}
