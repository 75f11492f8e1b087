import assert from "node:assert/strict";
import { startTimeByPs } from "../../../agent/host/darwin/commands.ts";
import { parseFootprint, parseFootprints, parseGroups } from "../../../agent/host/darwin/footprint-command.ts";
import { MAC } from "../../../agent/host/darwin/mac-paths.ts";
import { darwinMeter } from "../../../agent/host/darwin/meter.ts";
import type { GroupLeader } from "../../../agent/host/group-meter.ts";
import { type StandInCommands, type StandInProcess, standInCommands, standInLibproc } from "./stand-in-mac.ts";

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
});

describe("the meter of a Mac whose commands cannot be run", () => {
  // Node.js throws this error, as it does where there is no memory for a child: it ended the watchdog.
  const under = (name: string) => `${import.meta.filename}/${name}`;
  const mac = { ...MAC, ps: under("ps"), footprint: under("footprint") };

  it("knows nothing of any process, and fails nobody", async () => {
    const measured = await darwinMeter(mac, undefined).measure([{ pid: process.pid }]);
    assert.deepEqual([...measured], [[process.pid, null]]);
    assert.equal(await startTimeByPs(process.pid, mac), undefined);
  });
});

describe("the meter of a Mac, on stand-ins for its system calls", () => {
  const leader: StandInProcess = { footprintBytes: 100, startedAt: 5n, cpuSeconds: 1, group: NOBODY };
  const meterOf = (processes: ReadonlyMap<number, StandInProcess | undefined>) => {
    const meter = darwinMeter(MAC, standInLibproc(processes));
    const measured = async (held: GroupLeader = { pid: NOBODY }) => (await meter.measure([held])).get(held.pid);
    return { meter, measured };
  };

  it("sums a group, and finds it gone once it is empty", async () => {
    const processes = new Map([
      [NOBODY, leader],
      [NOBODY + 1, { ...leader, footprintBytes: 700 }],
    ]);
    const { measured } = meterOf(processes);
    assert.equal(await measured(), 800);
    processes.delete(NOBODY);
    assert.equal(await measured(), 700);
    processes.clear();
    assert.equal(await measured(), "gone");
  });

  it("measures alone what leads no group", async () => {
    assert.equal(await meterOf(new Map([[NOBODY, { ...leader, group: 1 }]])).measured(), 100);
  });

  it("takes another process with the same pid for another one", async () => {
    const processes = new Map([[NOBODY, leader]]);
    const { measured } = meterOf(processes);
    await measured();
    processes.set(NOBODY, { ...leader, startedAt: 6n });
    assert.equal(await measured(), "gone");
  });

  const starts: readonly (readonly [startTime: string, sample: number | "gone"])[] = [
    ["abstime:5", 100],
    ["abstime:6", "gone"],
    ["Sat Nov 21 10:00:00 2026", 100],
  ];
  for (const [startTime, sample] of starts) {
    it(`from the first look on, where it is to have started at ${startTime}: ${sample}`, async () => {
      assert.equal(await meterOf(new Map([[NOBODY, leader]])).measured({ pid: NOBODY, startTime }), sample);
    });
  }

  const unknown: readonly (readonly [what: string, processes: ReadonlyMap<number, StandInProcess | undefined>])[] = [
    ["a leader that cannot be read", new Map([[NOBODY, undefined]])],
    ["a figure that is not plausible", new Map([[NOBODY, { startedAt: 5n, cpuSeconds: 0, group: NOBODY }]])],
  ];
  for (const [what, processes] of unknown) {
    it(`LLMKube trap T8: does not know what is held, with ${what}`, async () => {
      assert.equal(await meterOf(processes).measured(), null);
    });
  }

  it("LLMKube trap T8: does not know of a group that cannot be listed, even if its leader is gone", async () => {
    const meter = darwinMeter(MAC, { ...standInLibproc(new Map()), group: () => undefined });
    assert.deepEqual([...(await meter.measure([{ pid: NOBODY }]))], [[NOBODY, null]]);
  });

  it("keeps the largest peak of one process of a group, and forgets that of a group that is no longer asked for", async () => {
    const processes = new Map([
      [NOBODY, { ...leader, peakBytes: 300 }],
      [NOBODY + 1, { ...leader, peakBytes: 900 }],
    ]);
    const { meter, measured } = meterOf(processes);
    assert.equal(meter.peakBytes(NOBODY), undefined);
    await measured();
    assert.equal(meter.peakBytes(NOBODY), 900);
    processes.delete(NOBODY + 1);
    await measured();
    assert.equal(meter.peakBytes(NOBODY), 900);
    await meter.measure([]);
    assert.equal(meter.peakBytes(NOBODY), undefined);
  });
});

describe("the meter of a Mac without koffi, on stand-ins for its commands", () => {
  let commands: StandInCommands;
  const measured = async (pid: number) => (await darwinMeter(commands.mac, undefined).measure([{ pid }])).get(pid);

  beforeEach(async () => {
    commands = await standInCommands();
    await commands.command("ps", `printf "${process.pid} ${process.pid}\\n${process.ppid} ${process.pid}\\n"`);
    await commands.command(
      "footprint",
      `for id in $2 $4; do echo "llama-server [$id]: 64-bit  Footprint: 1 GB"; echo "    phys_footprint: 1000000001 B"; done`,
    );
  });

  it("sums the group", async () => assert.equal(await measured(process.pid), 2000000002));

  it("goes by what footprint has printed, though it failed for one that has just ended", async () => {
    await commands.command(
      "footprint",
      `for id in $2 $4; do echo "x [$id]: 64-bit  Footprint: 5 B"; done; echo "no such process" >&2; exit 1`,
    );
    assert.equal(await measured(process.pid), 10);
  });

  it("finds a group gone of which ps and the kernel know nobody", async () =>
    assert.equal(await measured(NOBODY), "gone"));

  for (const [what, command, script] of [
    ["footprint prints something else", "footprint", "echo nonsense"],
    ["footprint prints another process", "footprint", `echo "x [7]: 64-bit  Footprint: 9 B"`],
    ["footprint fails", "footprint", "exit 1"],
    ["ps fails", "ps", "exit 1"],
  ] as const) {
    it(`LLMKube trap T8: knows nothing, and not 0, if ${what}`, async () => {
      await commands.command(command, script);
      assert.equal(await measured(process.pid), null);
    });
  }
});
