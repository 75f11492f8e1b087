import { constants } from "node:fs";
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { errorCode, errorText } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import { parseJetsamReport } from "./jetsam-report.ts";
import { parsePanicReport } from "./panic-report.ts";
import type { Reports } from "./verdict.ts";

/** At most so many reports of a kind are read, the newest. */
const MOST_OF_A_KIND = 20;
/** How much of a report is read, in bytes: what a panic's text begins with, and a whole list of processes. */
const PANIC_BYTES = 2 ** 20;
const JETSAM_BYTES = 8 * 2 ** 20;

/** macOS moves what it has sent to Apple into a folder beside. */
const SENT = "Retired";

/**
 * The reports of kernel panics and of processes that were ended for want of memory. Fails with one sentence if the folder is there and
 * cannot be read; a report that cannot be read, or is none, is passed over. It may take as long as the disk does.
 *
 * @param folder `diagnosticReports` of host/darwin/mac-paths.ts; undefined where there is no such folder, as on Linux
 * @param since reports that were written before are not read; in milliseconds since 1970
 */
export async function readReports(folder: string, since: number): Promise<Result<Reports | undefined>> {
  try {
    const found = [...(await filesIn(folder, since)), ...(await filesIn(join(folder, SENT), since).catch(() => []))];
    const newest = (name: RegExp) =>
      found
        .filter((file) => name.test(file.name))
        .toSorted((a, b) => b.writtenAt - a.writtenAt)
        .slice(0, MOST_OF_A_KIND);
    const panics = await readAll(newest(PANIC), PANIC_BYTES);
    const jetsams = await readAll(newest(JETSAM), JETSAM_BYTES);
    return ok({
      panics: panics.map(({ path, text, writtenAt }) => parsePanicReport(path, text, writtenAt)),
      jetsams: jetsams.flatMap(({ path, text, writtenAt }) => parseJetsamReport(path, text, writtenAt) ?? []),
    });
  } catch (error) {
    if (errorCode(error) === "ENOENT") return ok(undefined);
    return fail(
      `${folder} cannot be read (${errorText(error)}), so the agent does not know whether this Mac panicked or ended a model for want of memory: run the agent as an administrator of this Mac`,
    );
  }
}

/** `panic-full-2026-08-09-034124.0002.panic`, `Kernel_2019-10-01-095124_mac.panic`. */
const PANIC = /\.panic$|^panic-.*\.ips$/;
/** `JetsamEvent-2026-08-09-034124.ips`. */
const JETSAM = /^JetsamEvent.*\.ips$/;

interface ReportFile {
  readonly name: string;
  readonly path: string;
  readonly writtenAt: number;
}

async function filesIn(folder: string, since: number): Promise<readonly ReportFile[]> {
  const names = (await readdir(folder)).filter((name) => PANIC.test(name) || JETSAM.test(name));
  const files: ReportFile[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isFile() && stats.mtimeMs >= since) files.push({ name, path, writtenAt: stats.mtimeMs });
  }
  return files;
}

async function readAll(files: readonly ReportFile[], most: number) {
  const read: (ReportFile & { readonly text: string })[] = [];
  for (const file of files) {
    const text = await beginningOf(file.path, most).catch(() => undefined);
    if (text !== undefined) read.push({ ...file, text });
  }
  return read;
}

/** Whatever has taken the file's place since the look: a pipe must not be waited for. */
async function beginningOf(path: string, most: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, most)), 0, Math.min(size, most), 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await file.close();
  }
}
