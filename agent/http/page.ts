import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, ok, type Result } from "../../api/result.ts";
import { packagePath } from "../state/package.ts";

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

const FILES = [
  ["/", "index.html", "text/html; charset=utf-8"],
  ["/style.css", "style.css", "text/css; charset=utf-8"],
  ["/app.js", "app.js", "text/javascript; charset=utf-8"],
  ["/layout.js", "layout.js", "text/javascript; charset=utf-8"],
  ["/view.js", "view.js", "text/javascript; charset=utf-8"],
  ["/icon.svg", "icon.svg", "image/svg+xml"],
] as const;

/** The status page by URL path: a fixed list, so that no request names a file. */
export async function readPage(): Promise<Result<ReadonlyMap<string, Asset>>> {
  const folder = packagePath("agent/http/page");
  const assets = FILES.map(
    async ([path, file, type]) => [path, { type, body: await readFile(join(folder, file)) }] as const,
  );
  try {
    return ok(new Map(await Promise.all(assets)));
  } catch {
    return fail(`no status page: its files are not in ${folder}; install the package again`);
  }
}
