import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { linuxMeter, parseSmapsRollup } from "../../../agent/host/linux/meter.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** A pid that no Linux gives away. */
const NOBODY = 2 ** 22 + 1;

describe("the meter of Linux", () => {
  it("counts anonymous, shared and swapped memory", () => {
    const text = "Rss: 9 kB\nPss_Anon:     100 kB\nPss_File:     50 kB\nPss_Shmem:     10 kB\nSwapPss:     1 kB\n";
    assert.equal(parseSmapsRollup(text), 111 * 1024);
    assert.equal(parseSmapsRollup(text.replace(/SwapPss.*\n/, "")), 110 * 1024);
    assert.equal(parseSmapsRollup(""), null);
  });

  /** A folder like /proc with one process: its group is 10, and it started at 77. */
  const standInProc = async (pids: readonly number[], rollup = "Pss_Anon: 100 kB\nPss_Shmem: 0 kB\n", state = "S") => {
    const proc = await temporaryDirectory();
    for (const pid of pids) {
      await mkdir(join(proc, String(pid)));
      await writeFile(join(proc, String(pid), "stat"), `${pid} (a) b) ${state} 1 10 ${"0 ".repeat(16)}77 0`);
      await writeFile(join(proc, String(pid), "smaps_rollup"), rollup);
    }
    return proc;
  };

  const cases: readonly (readonly [what: string, proc: () => Promise<string>, sample: number | null | "gone"])[] = [
    ["sums a group", () => standInProc([10, 11]), 200 * 1024],
    ["goes on with a group whose leader has exited", () => standInProc([11]), 100 * 1024],
    ["finds an empty group gone", () => standInProc([]), "gone"],
    ["finds a group of zombies gone", () => standInProc([10], "", "Z"), "gone"],
    ["does not know what an unreadable process holds", () => standInProc([10, 11], ""), null],
    ["knows nothing if /proc cannot be read", async () => "/no/such/folder", null],
  ];
  for (const [what, proc, sample] of cases) {
    it(what, async () => {
      const measured = await linuxMeter(await proc()).measure([{ pid: 10, startTime: "77" }]);
      assert.deepEqual([...measured], [[10, sample]]);
    });
  }

  it("takes another process with the same pid for another one", async () => {
    const measured = await linuxMeter(await standInProc([10])).measure([{ pid: 10, startTime: "76" }]);
    assert.deepEqual([...measured], [[10, "gone"]]);
  });

  describe("for a process that is alone in its group, with a budget", () => {
    const EXACT_KIB = 1000;
    const budget = { bytes: 10_000 * 1024 };
    /** What the meter says in one round after another, in KiB, where the kernel's count is `roughKiB`. */
    const rounds = async (roughKiB: number, count: number, held: { readonly bytes: number } | undefined) => {
      const proc = await standInProc([10], `Pss_Anon: ${EXACT_KIB} kB\nPss_Shmem: 0 kB\n`);
      const meter = linuxMeter(proc);
      const seen: unknown[] = [];
      for (let round = 0; round < count; round += 1) {
        await writeFile(join(proc, "10", "status"), `RssAnon:\t${roughKiB} kB\nRssShmem:\t0 kB\nVmSwap:\t0 kB\n`);
        const bytes = (await meter.measure([{ pid: 10, startTime: "77", budget: held }])).get(10);
        seen.push(typeof bytes === "number" ? bytes / 1024 : bytes);
      }
      return seen;
    };
    const tables: readonly (readonly [what: string, rough: number, held: typeof budget | undefined, ten: number])[] = [
      ["takes the kernel's count while it agrees within 1 %", 1009, budget, 1009],
      ["measures where the count is another one: pages are shared", 1011, budget, EXACT_KIB],
      ["measures from 80 % of the budget on", 1009, { bytes: (1009 / 0.8) * 1024 }, EXACT_KIB],
      ["measures where no budget is known", 1009, undefined, EXACT_KIB],
    ];
    for (const [what, rough, held, ten] of tables) {
      it(what, async () => {
        const seen = await rounds(rough, 13, held);
        assert.deepEqual(seen, [EXACT_KIB, ...Array(10).fill(ten), EXACT_KIB, ten]);
      });
    }

    it("measures at once what comes near its budget", async () => {
      const proc = await standInProc([10], "Pss_Anon: 1000 kB\nPss_Shmem: 0 kB\n");
      const meter = linuxMeter(proc);
      const grow = async (exact: number, rough: number) => {
        await writeFile(join(proc, "10", "smaps_rollup"), `Pss_Anon: ${exact} kB\nPss_Shmem: 0 kB\n`);
        await writeFile(join(proc, "10", "status"), `RssAnon:\t${rough} kB\nRssShmem:\t0 kB\n`);
        return (await meter.measure([{ pid: 10, startTime: "77", budget }])).get(10);
      };
      assert.equal(await grow(1000, 1000), 1000 * 1024);
      assert.equal(await grow(2000, 2001), 2001 * 1024);
      assert.equal(await grow(12_000, 12_001), 12_000 * 1024);
    });

    it("says of a real process what an exact measurement says, within 1 %", async function () {
      if (process.platform !== "linux") this.skip();
      this.timeout(20_000);
      const program =
        "const held = Buffer.alloc(128 * 2 ** 20, 1); console.log(held.length); setInterval(() => {}, 1000)";
      const child = spawn(process.execPath, ["-e", program], { detached: true, stdio: ["ignore", "pipe", "ignore"] });
      const { pid } = child;
      assert(pid);
      try {
        await once(child.stdout, "data");
        await sleep(500);
        const meter = linuxMeter();
        for (let round = 0; round < 3; round += 1) {
          const thrifty = (await meter.measure([{ pid, budget: { bytes: 2 ** 40 } }])).get(pid);
          const exact = (await linuxMeter().measure([{ pid }])).get(pid);
          assert(typeof thrifty === "number" && typeof exact === "number");
          assert(Math.abs(thrifty - exact) <= exact / 100, `${thrifty} instead of ${exact}`);
        }
      } finally {
        process.kill(-pid, "SIGKILL");
        await once(child, "exit");
      }
    });
  });

  it("finds a group whose leader it saw before the leader had made it", async () => {
    const proc = await standInProc([10]);
    await writeFile(join(proc, "10", "stat"), `10 (node) S 1 5 ${"0 ".repeat(16)}77 0`);
    const meter = linuxMeter(proc);
    await meter.measure([{ pid: NOBODY }]);
    await writeFile(join(proc, "10", "stat"), `10 (llama-server) S 1 10 ${"0 ".repeat(16)}77 0`);
    assert.deepEqual([...(await meter.measure([{ pid: 10, startTime: "77" }]))], [[10, 100 * 1024]]);
  });

  it("measures a wrapper script and what it started together", async function () {
    if (process.platform !== "linux") this.skip();
    const program = "const held = Buffer.alloc(64 * 2 ** 20, 1); setInterval(() => held.length, 1000)";
    const wrapper = spawn("/bin/sh", ["-c", `"${process.execPath}" -e "${program}"; true`], { detached: true });
    const { pid } = wrapper;
    assert(pid);
    try {
      const meter = linuxMeter();
      let bytes: number | null | "gone" | undefined = 0;
      for (let tries = 0; tries < 100 && !(typeof bytes === "number" && bytes > 64 * 2 ** 20); tries += 1) {
        bytes = (await meter.measure([{ pid }])).get(pid);
        await sleep(50);
      }
      assert(typeof bytes === "number" && bytes > 64 * 2 ** 20, `measured ${bytes}`);
    } finally {
      process.kill(-pid, "SIGKILL");
      await once(wrapper, "exit");
    }
    // What the wrapper started was killed with it, and ends on its own time.
    const look = async () => [...(await linuxMeter().measure([{ pid }, { pid: NOBODY }])).values()];
    for (let tries = 0; tries < 100 && (await look()).some((sample) => sample !== "gone"); tries += 1) await sleep(50);
    assert.deepEqual(await look(), ["gone", "gone"]);
  });
});
