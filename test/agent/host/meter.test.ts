import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseFootprint, parseFootprints, parseGroups } from "../../../agent/host/darwin/footprint-command.ts";
import { groupOf, type Libproc, openLibproc, type Usage, usageOf } from "../../../agent/host/darwin/libproc.ts";
import { darwinMeter } from "../../../agent/host/darwin/meter.ts";
import { linuxMeter, parseSmapsRollup } from "../../../agent/host/linux/meter.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** Recorded on Macs by others (docs/background/apple-memory.md). */
const FOOTPRINT = `llama-server [61332]: 64-bit    Footprint: 18 GB (16384 bytes per page)
Auxiliary data:
    phys_footprint: 3708422712 B
    phys_footprint_peak: 4130490936 B
`;

/** A pid that no Linux gives away. */
const NOBODY = 2 ** 22 + 1;

describe("the footprints of a Mac", () => {
  it("are exact, and of the process that was asked for", () => {
    assert.equal(parseFootprint(FOOTPRINT, 61332), 3708422712);
    assert.equal(parseFootprint("llama-server [7]: 64-bit    Footprint: 4096 B (16384 bytes per page)\n", 7), 4096);
    for (const [text, pid] of [
      [FOOTPRINT, 42],
      ["", 42],
      ["llama-server [7]: 64-bit    Footprint: 18 GB (16384 bytes per page)", 7],
    ] as const) {
      assert.equal(parseFootprint(text, pid), null);
    }
  });

  it("are read for several processes at once", () => {
    const other = FOOTPRINT.replace("61332", "61333").replace("phys_footprint: 3708422712", "phys_footprint: 4096");
    const dead = "llama-server [61334]: 64-bit    Footprint: 18 GB (16384 bytes per page)\n";
    assert.deepEqual(
      [...parseFootprints(`${FOOTPRINT}${dead}${other}`)],
      [
        [61332, 3708422712],
        [61333, 4096],
      ],
    );
    assert.equal(parseFootprints("").size, 0);
  });

  it("come with the groups as ps prints them", () => {
    assert.deepEqual(
      [...parseGroups("    1     1\n   40    40\n   41    40\nps: nonsense\n")],
      [
        [1, [1]],
        [40, [40, 41]],
      ],
    );
  });

  it("are what proc_pid_rusage returns, with the start of the process, and nothing if it fails", () => {
    const filling = (_pid: number, _flavor: number, buffer: Buffer) => {
      buffer.writeBigUInt64LE(3708422712n, 72);
      buffer.writeBigUInt64LE(77n, 80);
      return 0;
    };
    assert.deepEqual(usageOf(42, filling), { footprintBytes: 3708422712, startedAt: 77n });
    assert.equal(
      usageOf(42, () => -1),
      undefined,
    );
    assert.equal(
      usageOf(42, () => 0),
      undefined,
    );
  });

  it("are summed over what proc_listpgrppids returns", () => {
    const two = (_pid: number, _size: number, buffer: Buffer) => {
      buffer.writeInt32LE(40, 0);
      buffer.writeInt32LE(41, 4);
      return 2;
    };
    assert.deepEqual(groupOf(40, two), [40, 41]);
    assert.equal(
      groupOf(40, () => -1),
      undefined,
    );
  });

  it("cannot be read by system calls without the library of macOS", () => {
    assert.equal(openLibproc("/no/such/library.dylib"), undefined);
  });
});

/** A libproc whose processes are `processes`, by pid. */
function standInLibproc(processes: ReadonlyMap<number, Usage & { readonly group: number }>): Libproc {
  return {
    usage: (pid) => processes.get(pid),
    group: (pid) => [...processes].filter(([, { group }]) => group === pid).map(([member]) => member),
  };
}

describe("the meter of a Mac, on stand-ins for its system calls", () => {
  const leader = { footprintBytes: 100, startedAt: 5n, group: NOBODY };

  it("sums a group, and finds it gone once it is empty", async () => {
    const processes = new Map([
      [NOBODY, leader],
      [NOBODY + 1, { ...leader, footprintBytes: 700 }],
    ]);
    const meter = darwinMeter(standInLibproc(processes));
    assert.deepEqual([...(await meter.measure([{ pid: NOBODY }]))], [[NOBODY, 800]]);
    processes.delete(NOBODY);
    assert.deepEqual([...(await meter.measure([{ pid: NOBODY }]))], [[NOBODY, 700]]);
    processes.clear();
    assert.deepEqual([...(await meter.measure([{ pid: NOBODY }]))], [[NOBODY, "gone"]]);
  });

  it("takes another process with the same pid for another one", async () => {
    const processes = new Map([[NOBODY, leader]]);
    const meter = darwinMeter(standInLibproc(processes));
    await meter.measure([{ pid: NOBODY }]);
    processes.set(NOBODY, { ...leader, startedAt: 6n });
    assert.deepEqual([...(await meter.measure([{ pid: NOBODY }]))], [[NOBODY, "gone"]]);
  });

  it("does not know what a living process that cannot be measured holds", async () => {
    const refused: Libproc = { usage: () => undefined, group: () => [process.pid] };
    assert.deepEqual([...(await darwinMeter(refused).measure([{ pid: process.pid }]))], [[process.pid, null]]);
  });
});

describe("the meter of a Mac without koffi, on stand-ins for its commands", () => {
  const path = process.env["PATH"];
  let folder: string;
  const shim = async (name: string, script: string) => {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  };
  const measured = async (pid: number) => (await darwinMeter(undefined).measure([{ pid }])).get(pid);

  beforeEach(async () => {
    folder = await temporaryDirectory();
    process.env["PATH"] = `${folder}:${path}`;
    await shim("ps", `printf "${process.pid} ${process.pid}\\n${process.ppid} ${process.pid}\\n"`);
    await shim(
      "footprint",
      `for id in $2 $4; do echo "llama-server [$id]: 64-bit  Footprint: 1 GB"; echo "    phys_footprint: 1000000001 B"; done`,
    );
  });
  afterEach(() => {
    process.env["PATH"] = path;
  });

  it("sums the group", async () => assert.equal(await measured(process.pid), 2000000002));

  it("finds a group gone of which ps and the kernel know nobody", async () =>
    assert.equal(await measured(NOBODY), "gone"));

  for (const [what, command, script] of [
    ["footprint prints something else", "footprint", "echo nonsense"],
    ["footprint fails", "footprint", "exit 1"],
    ["ps fails", "ps", "exit 1"],
  ] as const) {
    it(`LLMKube trap T8: knows nothing, and not 0, if ${what}`, async () => {
      await shim(command, script);
      assert.equal(await measured(process.pid), null);
    });
  }
});

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
    assert.deepEqual(
      [...(await linuxMeter().measure([{ pid }, { pid: NOBODY }]))],
      [
        [pid, "gone"],
        [NOBODY, "gone"],
      ],
    );
  });
});
