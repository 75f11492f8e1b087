import { StringDecoder } from "node:string_decoder";
import type { KubeResult, WatchEvent } from "../client.ts";
import { failed, succeeded } from "../failure.ts";
import type { ResourceKind } from "../kinds.ts";
import { asKubeObject, withKind } from "./objects.ts";
import { type RefusedRequest, statusObjectFailure } from "./status-failure.ts";

/** Where an object ends that no API server would keep (etcd: 1.5 MiB, and some more as JSON). */
const LARGEST_EVENT = 16 * 2 ** 20;

/** Takes the chunks of a stream, and gives its lines, whatever the borders of the chunks are. */
export function lineSplitter(onLine: (line: string) => void): (chunk: Uint8Array) => KubeResult<void> {
  const decoder = new StringDecoder("utf8");
  let parts: string[] = [];
  let length = 0;
  return (chunk) => {
    let text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      const line = parts.join("") + text.slice(0, end);
      parts = [];
      length = 0;
      text = text.slice(end + 1);
      if (line.trim() !== "") onLine(line);
    }
    parts.push(text);
    length += text.length;
    if (length <= LARGEST_EVENT) return succeeded(undefined);
    return failed("unavailable", `an event has more than ${LARGEST_EVENT / 2 ** 20} MiB`);
  };
}

/** One line of a watch. */
export function watchEventOf(line: string, kind: ResourceKind, request: RefusedRequest): KubeResult<WatchEvent> {
  const event = jsonOf(line);
  const object = asKubeObject(event?.["object"]);
  const type = event?.["type"];
  if (type === "ERROR") {
    return succeeded({ type, failure: statusObjectFailure(request, event?.["object"]) });
  }
  const resourceVersion = object?.metadata.resourceVersion;
  if (object === undefined || resourceVersion === undefined) {
    return failed("unavailable", `${request.what}: a line of the stream is no event of a watch`);
  }
  if (type === "BOOKMARK") {
    const initialEventsEnd = object.metadata.annotations?.["k8s.io/initial-events-end"] === "true";
    return succeeded({ type, resourceVersion, initialEventsEnd });
  }
  if ((type === "ADDED" || type === "MODIFIED" || type === "DELETED") && object.metadata.name !== "") {
    return succeeded({ type, object: withKind(object, kind) });
  }
  return failed("unavailable", `${request.what}: a line of the stream is no event of a watch`);
}

function jsonOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
