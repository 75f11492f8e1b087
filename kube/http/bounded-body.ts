import type { Readable } from "node:stream";

/** The text of an answer; undefined where it has more bytes than allowed, and then the connection is cut. */
export async function boundedText(body: Readable, largestBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > largestBytes) {
      body.destroy();
      return undefined;
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
