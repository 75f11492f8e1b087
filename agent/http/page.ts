import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, type Result } from "../../api/result.ts";
import { PART_GROUPS, PARTS } from "../../memory/estimate/parts.ts";
import { packagePath } from "../state/package.ts";
import { STUCK_MS } from "../status/liveness.ts";

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const FILES = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/style.css", "style.css", "text/css; charset=utf-8"],
  ["/app.js", "app.js", "text/javascript; charset=utf-8"],
  ["/dom.js", "dom.js", "text/javascript; charset=utf-8"],
  ["/gateway.js", "gateway.js", "text/javascript; charset=utf-8"],
  ["/layout.js", "layout.js", "text/javascript; charset=utf-8"],
  ["/view.js", "view.js", "text/javascript; charset=utf-8"],
  ["/icon.svg", "icon.svg", "image/svg+xml"],
] as const;

/**
 * What the page and this package have in common; the page imports it as a module, so that nothing is written down
 * twice.
 */
const SHARED = Object.entries({ PARTS, PART_GROUPS, STUCK_MS })
  .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};\n`)
  .join("");

/** The status page by URL path: a fixed list, so that no request names a file. */
export async function readPage(): Promise<Result<ReadonlyMap<string, Asset>>> {
  const folder = packagePath("agent/http/page");
  const assets = FILES.map(
    async ([path, file, type]) => [path, { type, body: await readFile(join(folder, file)) }] as const,
  );
  try {
    const shared = { type: "text/javascript; charset=utf-8", body: Buffer.from(SHARED) };
    return ok(new Map([...(await Promise.all(assets)), ["/shared.js", shared]]));
  } catch {
    return fail(`no status page: its files are not in ${folder}; install the package again`);
  }
}
