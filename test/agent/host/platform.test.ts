import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { lastReading } from "../../../agent/host/last-reading.ts";
import {
  groupCpuSeconds,
  openLinux,
  parseCpuSeconds,
  parseListeners,
  parseMeminfo,
  parseStartTime,
} from "../../../agent/host/linux/linux.ts";
import { openPlatform } from "../../../agent/host/open.ts";
import { levelOf, parsePressureLevel } from "../../../agent/host/pressure-levels.ts";

describe("processor time of a group", () => {
  it("is summed over its processes, as /proc has them", () => {
    const stat = (pid: number, group: number, ticks: number) =>
      `${pid} (a) b) S 1 ${group} ${"0 ".repeat(8)}${ticks} 0 0`;
    assert.equal(groupCpuSeconds([stat(40, 40, 100), stat(41, 40, 250), stat(7, 7, 999), ""], 40), 3.5);
    assert.equal(groupCpuSeconds([stat(7, 7, 999)], 40), null);
  });

  it("is that of this process's own group, too", async function () {
    if (process.platform !== "linux") this.skip();
    const linux = await openLinux();
    assert(linux.ok);
    const program = "while (process.cpuUsage().user < 400_000); setInterval(() => {}, 1000)";
    const wrapper = spawn("/bin/sh", ["-c", `"${process.execPath}" -e "${program}"; true`], { detached: true });
    try {
      const { pid = 0 } = wrapper;
      let seconds: number | null = 0;
      for (let tries = 0; tries < 100 && (seconds ?? 0) < 0.3; tries += 1) {
        seconds = await linux.value.cpuSeconds(pid);
        await sleep(50);
      }
      assert((seconds ?? 0) >= 0.3, `${seconds} s`);
    } finally {
      if (wrapper.pid !== undefined) process.kill(-wrapper.pid, "SIGKILL");
    }
  });
});

describe("probes of Linux", () => {
  it("LLMKube trap T8: reads the available memory, and null if the kernel does not report it", () => {
    assert.equal(parseMeminfo("MemTotal:  2048 kB\nMemFree:  1 kB\nMemAvailable:   1024 kB\n"), 2 ** 20);
    assert.equal(parseMeminfo("MemTotal:  2048 kB\nMemFree:  1 kB\n"), null);
    assert.equal(parseMeminfo(""), null);
  });

  it("reads the start time after any process name, and null for a zombie", () => {
    const rest = `${"0 ".repeat(18)}4711 0 0`;
    assert.equal(parseStartTime(`12 (a) b (c)) S ${rest}`), "4711");
    assert.equal(parseStartTime(`12 (a) Z ${rest}`), null);
    assert.equal(parseStartTime(""), null);
  });

  it("reads processor time beside a name with spaces and parentheses", () => {
    const fields = Array.from({ length: 20 }, (_, index) => (index === 10 ? 250 : index === 11 ? 50 : 0)).join(" ");
    assert.equal(parseCpuSeconds(`12 (a) b (c)) S ${fields}`), 3);
    assert.equal(parseCpuSeconds(""), null);
  });

  it("finds the process that listens on a port, not one that is connected to it", () => {
    const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    const row = (local: string, state: string, inode: number) =>
      `   0: 0100007F:${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1`;
    const table = [head, row("1F90", "0A", 11), row("1F90", "01", 12), row("1F91", "0A", 13), ""].join("\n");
    assert.deepEqual(parseListeners(table, 8080), ["11"]);
    assert.deepEqual(parseListeners(table, 80), []);
  });

  it("measures this process", async function () {
    if (process.platform !== "linux") this.skip();
    const linux = await openPlatform();
    assert(linux.ok);
    assert.match((await linux.value.startTime(process.pid)) ?? "", /^\d+$/);
    assert(((await linux.value.availableBytes()) ?? 0) > 2 ** 20);
  });
});

describe("a probe in the background", () => {
  it("gives the last reading, runs one at a time, and gives null after a failure (LLMKube trap T8)", async () => {
    const asked: PromiseWithResolvers<number | null>[] = [];
    const read = lastReading(() => {
      const reading = Promise.withResolvers<number | null>();
      asked.push(reading);
      return reading.promise;
    });
    assert.deepEqual([read(), read(), asked.length], [null, null, 1]);
    asked[0]?.resolve(5);
    await sleep(0);
    assert.deepEqual([read(), read(), asked.length], [5, 5, 2]);
    asked[1]?.reject(new Error("no"));
    await sleep(0);
    assert.deepEqual([read(), asked.length], [null, 3]);
  });

  it("is not asked again before its time", async () => {
    let [now, asked] = [0, 0];
    const probe = async () => {
      asked += 1;
      return asked;
    };
    const read = lastReading(probe, 5000, () => now);
    read();
    await sleep(0);
    now = 4999;
    assert.deepEqual([read(), asked], [1, 1]);
    now = 5000;
    assert.deepEqual([read(), asked], [1, 2]);
    await sleep(0);
    assert.deepEqual([read(), asked], [2, 2]);
  });
});

describe("memory pressure of a machine", () => {
  it("is read from the number of the macOS level", () => {
    const levels = ["1\n", "2\n", "4\n", "", "3", "0"].map(parsePressureLevel);
    assert.deepEqual(levels, ["normal", "warning", "critical", null, null, null]);
  });

  const meminfo = (available: number) =>
    `MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:   ${available} kB\n`;
  const stalls = (some: string, full: string) =>
    `some avg10=${some} avg60=0.00 avg300=0.00 total=1\nfull avg10=${full} avg60=0.00 avg300=0.00 total=1\n`;
  const cases: readonly (readonly [what: string, meminfo: string, stalls: string, level: string | null])[] = [
    ["enough available", meminfo(8_000_000), stalls("0.00", "0.00"), "normal"],
    ["little available", meminfo(1_200_000), "", "warning"],
    ["almost nothing available", meminfo(400_000), "", "critical"],
    ["some tasks waiting for memory", meminfo(8_000_000), stalls("12.50", "0.00"), "warning"],
    ["all tasks waiting for memory", meminfo(8_000_000), stalls("40.00", "12.00"), "critical"],
    ["LLMKube trap T8: nothing readable", "", "", null],
    ["LLMKube trap T8: a kernel without MemAvailable", "MemTotal:       16000000 kB\n", "", null],
  ];
  for (const [what, first, second, level] of cases) {
    it(`on Linux, ${what}: ${level}`, () => assert.equal(levelOf(first, second), level));
  }

  it("is readable on this machine", async function () {
    if (process.platform !== "linux") this.skip();
    const platform = await openLinux();
    assert(platform.ok);
    assert.notEqual(await platform.value.pressure(), null);
  });
});
