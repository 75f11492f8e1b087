import type { Dispatcher } from "undici";

/** A response header that appears once. Apart from the requests, so that whoever only reads answers does not load their client. */
export function headerOf(response: Dispatcher.ResponseData, name: string): string | undefined {
  const value = response.headers[name];
  return typeof value === "string" ? value : undefined;
}
