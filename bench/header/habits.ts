// npm run bench:habits -- HUB FILE HABIT...: what reading the header of FILE costs from a server that has bad habits, each at HUB/HABIT/FILE, in requests and bytes as the sockets counted them.
import { subscribe } from "node:diagnostics_channel";
import { Socket } from "node:net";
import { argv } from "node:process";
import * as z from "zod";
import { readHeader } from "../../gguf/read.ts";

const [, , hub = "", file = "", ...habits] = argv;
const connected = z.object({ socket: z.instanceof(Socket) });
const sockets = new Set<Socket>();
let requests = 0;
subscribe("undici:client:connected", (message) => sockets.add(connected.parse(message).socket));
subscribe("undici:request:create", () => {
  requests += 1;
});

console.log("| habit | requests | bytes | seconds | |\n|---|---|---|---|---|");
for (const habit of habits) {
  sockets.clear();
  requests = 0;
  const begin = performance.now();
  const read = await readHeader(`${hub}/${habit}/${file}`);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  const bytes = [...sockets].reduce((sum, { bytesRead }) => sum + bytesRead, 0);
  console.log(`| ${habit} | ${requests} | ${bytes} | ${seconds} | ${read.ok ? "read" : read.error} |`);
}
