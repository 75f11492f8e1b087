import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { type Libproc, openLibproc } from "../../../agent/host/darwin/libproc.ts";
import { type Answer, readPids, readUsage } from "../../../agent/host/darwin/process-usage.ts";
import { readAvailableBytes } from "../../../agent/host/darwin/vm-statistics.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { int32 } from "./stand-in-mac.ts";

const { EINVAL, EPERM, ESRCH, ENOMEM } = constants.errno;
const GIB = 2 ** 30;
const ALIVE = { footprintBytes: 5 * GIB + 1, cpuSeconds: 1.5 };

describe("the system calls of macOS, through koffi, on C that stands in for its library", function () {
  this.timeout(30_000);
  let libproc: Libproc;

  before(async function () {
    const library = join(await temporaryDirectory(), "stand-in.so");
    try {
      execFileSync("cc", ["-shared", "-fPIC", "-o", library, join(import.meta.dirname, "stand-in-libproc.c")]);
    } catch (error) {
      console.log(`      skipped: no C compiler (${error instanceof Error ? error.message.split("\n")[0] : error})`);
      return this.skip();
    }
    const opened = openLibproc(library);
    assert(opened);
    libproc = opened;
  });

  it("give the footprint, its peak, the start and the processor time of a process in one reading", () => {
    const usage = { ...ALIVE, peakBytes: 6 * GIB + 1, startedAt: 2n ** 40n + 40n };
    assert.deepEqual(libproc.usage(40), usage);
  });

  it("do without the peak where the kernel does not know the fourth version", () => {
    assert.deepEqual(libproc.usage(44), { ...ALIVE, startedAt: 2n ** 40n + 44n });
  });

  it("find gone what has exited and what is not there, and know nothing of what they may not read", () => {
    assert.deepEqual([42, 45, 43].map(libproc.usage), ["gone", "gone", undefined]);
  });

  it("list a group, and tell an empty one from a failure, which both are 0", () => {
    assert.equal(libproc.usage(45), "gone");
    assert.deepEqual([40, 44, 43].map(libproc.group), [[40, 41], [], undefined]);
  });

  it("say what the kernel says under a name, and nothing of a name that it does not have", () => {
    assert.deepEqual(libproc.sysctl("kern.memorystatus_vm_pressure_level"), int32(2));
    assert.equal(libproc.sysctl("kern.bootsessionuuid")?.toString(), "5A1C0C0F\0");
    assert.equal(libproc.sysctl("iogpu.wired_limit_mb"), undefined);
  });

  it("count what is free, without speculative pages, and what is inactive or purgeable", () => {
    assert.equal(libproc.availableBytes(), (1000 - 100 + 30 + 5) * 16384);
  });

  it("can be opened twice in one process", async () => {
    const library = join(await temporaryDirectory(), "stand-in.so");
    execFileSync("cc", ["-shared", "-fPIC", "-o", library, join(import.meta.dirname, "stand-in-libproc.c")]);
    assert.deepEqual(openLibproc(library)?.group(40), [40, 41]);
  });
});

describe("system calls of macOS that fail", () => {
  it("are not opened without the library, or with one that lacks them or is none", () => {
    for (const library of ["/no/such/library.dylib", import.meta.filename, process.execPath]) {
      assert.equal(openLibproc(library), undefined, library);
    }
  });

  const timebase = [125, 3] as const;
  const answering = (fill: (buffer: Buffer) => void) => (_flavor: number, buffer: Buffer) => {
    fill(buffer);
    return { value: 0, errno: 0 };
  };

  it("show no footprint that is not plausible, but the start", () => {
    for (const footprint of [0n, 2n ** 60n]) {
      const usage = readUsage(
        answering((buffer) => buffer.writeBigUInt64LE(footprint, 72)),
        timebase,
      );
      assert.deepEqual(usage, { startedAt: 0n, cpuSeconds: 0 });
    }
  });

  const cases: readonly (readonly [errno: number, outcome: "gone" | undefined])[] = [
    [ESRCH, "gone"],
    [EPERM, undefined],
    [EINVAL, undefined],
    [ENOMEM, undefined],
    [0, undefined],
  ];
  for (const [errno, outcome] of cases) {
    it(`with error ${errno} ${outcome === "gone" ? "say that a process is gone" : "say nothing"}`, () => {
      assert.equal(
        readUsage(() => ({ value: -1, errno }), timebase),
        outcome,
      );
    });
  }

  it("ask for the older version only where the newer one is refused", () => {
    const asked: number[] = [];
    const refusing = (flavor: number): Answer => {
      asked.push(flavor);
      return flavor === 4 ? { value: -1, errno: EINVAL } : { value: -1, errno: ESRCH };
    };
    assert.equal(readUsage(refusing, timebase), "gone");
    assert.deepEqual(asked, [4, 0]);
  });

  it("list no group that is longer than the buffer, or that failed", () => {
    for (const answer of [
      { value: -1, errno: ENOMEM },
      { value: 0, errno: ENOMEM },
      { value: 1025, errno: 0 },
    ]) {
      assert.equal(
        readPids(() => answer),
        undefined,
      );
    }
  });

  it("LLMKube trap T8: count no available memory that they cannot read", () => {
    const well = (_flavor: number, _buffer: Buffer, count: [number]) => {
      count[0] = 38;
      return 0;
    };
    const short = (_flavor: number, _buffer: Buffer, count: [number]) => {
      count[0] = 23;
      return 0;
    };
    assert.equal(readAvailableBytes(well, int32(16384)), 0);
    assert.equal(readAvailableBytes(well, undefined), undefined);
    assert.equal(readAvailableBytes(short, int32(16384)), undefined);
    assert.equal(
      readAvailableBytes(() => 5, int32(16384)),
      undefined,
    );
  });
});
