import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, rename, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readReports } from "../../../agent/boot/report-folder.ts";
import { reportsOf } from "../../../agent/boot/reports-of-mac.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { jetsamText, panicText, putReport } from "./reports.ts";

const NOW = Date.now();
const HOUR = 3_600_000;
const stamp = "2026-08-09 03:41:24.00 -0700";
const text = panicText({ timestamp: stamp });

describe("the folder of reports", () => {
  let folder: string;
  beforeEach(async () => {
    folder = join(await temporaryDirectory(), "DiagnosticReports");
    await mkdir(folder);
  });
  const panicsSince = async (since = 0) => {
    const reports = await readReports(folder, since);
    assert(reports.ok && reports.value !== undefined);
    return reports.value.panics.map(({ path }) => path.slice(folder.length + 1)).sort();
  };

  it("is none on Linux", async () => {
    assert.deepEqual(await readReports(join(folder, "missing"), 0), { ok: true, value: undefined });
  });

  it("is read by the names of reports, with what was sent to Apple already", async () => {
    await putReport(folder, "panic-full-2026-08-09-034124.0002.panic", text);
    await putReport(folder, "Kernel_2019-10-01-095124_mac.panic", text);
    await putReport(join(folder, "Retired"), "panic-full-2026-08-08-034124.0002.panic", text);
    await putReport(folder, "node_2026-08-09-034124_mac.crash", text);
    await putReport(folder, "panic.txt", text);
    assert.deepEqual(await panicsSince(), [
      "Kernel_2019-10-01-095124_mac.panic",
      "Retired/panic-full-2026-08-08-034124.0002.panic",
      "panic-full-2026-08-09-034124.0002.panic",
    ]);
  });

  it("is read only from a time on, and only the newest 20 of a kind", async () => {
    for (let hours = 1; hours <= 25; hours += 1) await putReport(folder, `h${hours}.panic`, text, NOW - hours * HOUR);
    assert.deepEqual(await panicsSince(NOW - 2.5 * HOUR), ["h1.panic", "h2.panic"]);
    const all = await panicsSince();
    assert.deepEqual([all.length, all.includes("h20.panic"), all.includes("h21.panic")], [20, true, false]);
  });

  it("holds up nobody with pipes, folders, links and files that are no reports", async () => {
    execFileSync("mkfifo", [join(folder, "pipe.panic"), join(folder, "JetsamEvent-pipe.ips")]);
    await mkdir(join(folder, "folder.panic"));
    await symlink("/dev/zero", join(folder, "link.panic"));
    await putReport(folder, "JetsamEvent-2026-08-09-034124.ips", "no report");
    await putReport(folder, "good.panic", text);
    const reports = await readReports(folder, 0);
    assert(reports.ok && reports.value !== undefined);
    assert.deepEqual(
      [reports.value.panics.map(({ path }) => path), reports.value.jetsams],
      [[join(folder, "good.panic")], []],
    );
  });

  it("is read with a bound: what lies beyond is not taken in", async () => {
    const path = await putReport(folder, "huge.panic", text);
    await truncate(path, 2 ** 40);
    const jetsam = await putReport(
      folder,
      "JetsamEvent-huge.ips",
      jetsamText(stamp, [{ pid: 401, reason: "highwater" }]),
    );
    await truncate(jetsam, 2 ** 40);
    const reports = await readReports(folder, 0);
    assert(reports.ok && reports.value !== undefined);
    assert.equal(reports.value.panics[0]?.at, Date.parse("2026-08-09T10:41:24Z"));
    assert.deepEqual(reports.value.jetsams, []);
  });

  it("says that it cannot be read", async () => {
    await rename(folder, `${folder}.away`);
    await writeFile(folder, "");
    const reports = await readReports(folder, 0);
    assert.match(
      reports.ok ? "" : reports.error,
      /^.*DiagnosticReports cannot be read \(ENOTDIR\), so .* whether this Mac panicked .*: run/,
    );
  });

  it("is read for each who asks, one after another", async () => {
    let underWay = 0;
    const since: number[] = [];
    const read = async (_folder: string, from: number) => {
      underWay += 1;
      assert.equal(underWay, 1);
      since.push(from);
      await sleep(10);
      underWay -= 1;
      return { ok: true, value: undefined } as const;
    };
    const reports = reportsOf({ folder, clock: () => performance.now(), read });
    const answers = await Promise.all([reports(1), reports(2), reports(3)]);
    assert.deepEqual([answers.every(({ ok }) => ok), since], [true, [1, 2, 3]]);
  });

  it("is waited for no longer than a while, and is not read again meanwhile", async () => {
    let reads = 0;
    const hung = Promise.withResolvers<Awaited<ReturnType<typeof readReports>>>();
    const read = () => {
      reads += 1;
      return hung.promise;
    };
    const reports = reportsOf({ folder, clock: () => performance.now(), waitMs: 20, read });
    for (const seen of [await reports(0), await reports(0)]) {
      assert.match(
        seen.ok ? "" : seen.error,
        /^.* gave no answer within 0\.02 s, so the agent does not know whether this Mac panicked$/,
      );
    }
    assert.equal(reads, 1);
    hung.resolve({ ok: true, value: undefined });
    await hung.promise;
    assert.deepEqual(await reports(0), { ok: true, value: undefined });
  });
});
