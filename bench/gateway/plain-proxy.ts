import { createServer } from "node:http";
import { Pool } from "undici";

/**
 * The floor for a gateway of node:http and undici: it passes each request on to one server, and knows nothing of models, keys, limits or
 * memory. Arguments: its own port, and that of the server.
 */
const [own = "", server = ""] = process.argv.slice(2);
const pool = new Pool(`http://127.0.0.1:${server}`);

createServer((request, response) => {
  const { authorization = "", "content-type": type = "" } = request.headers;
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = chunks.length === 0 ? null : Buffer.concat(chunks);
    const sent = { path: request.url ?? "/", method: body === null ? "GET" : "POST", body } as const;
    pool.dispatch(
      { ...sent, headers: { authorization, "content-type": type } },
      {
        onRequestStart: () => {},
        onResponseStart: (_, status, headers) => {
          response.writeHead(status, { "content-type": String(headers["content-type"] ?? "") });
          response.flushHeaders();
        },
        onResponseData: (_, chunk) => response.write(chunk),
        onResponseEnd: () => response.end(),
        onResponseError: () => response.destroy(),
      },
    );
  });
}).listen(Number(own), "127.0.0.1");
