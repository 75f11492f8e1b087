import assert from "node:assert/strict";
import {
  parseGroupTime,
  parseListener,
  parsePids,
  parsePsTime,
  parseVmStat,
} from "../../../agent/host/darwin/commands.ts";
import { openDarwin } from "../../../agent/host/darwin/darwin.ts";
import { darwinMeter } from "../../../agent/host/darwin/meter.ts";
import { openSysctl } from "../../../agent/host/darwin/sysctl.ts";
import { openPlatform } from "../../../agent/host/open.ts";
import type { Platform } from "../../../agent/host/platform.ts";
import { metalDevice } from "../../../agent/llama-server/devices.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { int32, type StandInCommands, type StandInProcess, standInCommands, standInLibproc } from "./stand-in-mac.ts";

/** Recorded on Macs by others (docs/background/apple-memory.md). */
const VM_STAT = `Mach Virtual Memory Statistics: (page size of 16384 bytes)
Pages free:                               32257.
Pages active:                            254966.
Pages inactive:                          240318.
Pages speculative:                        14083.
Pages throttled:                              0.
Pages wired down:                        172591.
Pages purgeable:                          14672.
"Translation faults":                 218850525.
Pages purged:                           1540816.
`;

describe("probes of a Mac", () => {
  it("counts free, inactive and purgeable pages as available", () => {
    assert.equal(parseVmStat(VM_STAT), (32257 + 240318 + 14672) * 16384);
    assert.equal(parseVmStat(VM_STAT.replace("16384", "4096")), (32257 + 240318 + 14672) * 4096);
  });

  it("LLMKube trap T8: available memory that cannot be read is null, never 0", () => {
    for (const key of ["free", "inactive", "purgeable"]) {
      assert.equal(parseVmStat(VM_STAT.replace(`Pages ${key}:`, "Pages renamed:")), null, key);
    }
    for (const text of ["", "vm_stat: permission denied", VM_STAT.replace(/ \(page size.*\)/, "")]) {
      assert.equal(parseVmStat(text), null);
    }
  });

  it("reads processor time as ps prints it, and sums that of a group", () => {
    const times = {
      "  0:01.23\n": 1.23,
      "12:00.00": 720,
      "1:02:03.50": 3723.5,
      "2-01:00:00": 176_400,
      "": null,
      "-": null,
    };
    for (const [printed, seconds] of Object.entries(times)) assert.equal(parsePsTime(printed), seconds, printed);
    const printed = "  40   0:01.50\n  41   9:00.00\n  40   1:00.00\n";
    assert.deepEqual(
      [parseGroupTime(printed, 40), parseGroupTime(printed, 42), parseGroupTime("", 40)],
      [61.5, null, null],
    );
  });

  it("reads what lsof prints", () => {
    assert.deepEqual(parsePids("12\n345\nlsof: nonsense\n"), [12, 345]);
    assert.equal(parseListener("p42\ncpython3\nf3\n"), "python3 (pid 42)");
    assert.equal(parseListener(""), null);
  });

  const BLAS = "  BLAS: Accelerate (0 MiB, 0 MiB free)\n";
  const devices: readonly (readonly [printed: string, name: string | undefined, mebibytes?: number])[] = [
    ["  MTL0: Apple M4 Max (110100 MiB, 90100 MiB free)\n", "MTL0", 110100],
    [`${BLAS}  MTL0: Apple M1 (11453 MiB, 11453 MiB free)\n`, "MTL0", 11453],
    [`  MTL0: Apple M1 (11453 MiB, 11453 MiB free)\n${BLAS}`, "MTL0", 11453],
    ["  Metal: Apple M4 Max (98304 MiB, 98303 MiB free)\n", "Metal", 98304],
    ["  MTL0: Apple M9 (10-core): Ultra (20 MiB, no) (400 MiB, 300 MiB free)\r\n", "MTL0", 400],
    ["  MTL0: AMD Radeon Pro (4096 MiB, 4096 MiB free)\n  MTL1: Apple M1 (9 MiB, 9 MiB free)\n", "MTL0", 4096],
    [BLAS, undefined],
    ["  MTL0: Apple M1 (0 MiB, 0 MiB free)\n", undefined],
    ["  CUDA0: MTL0: Tesla (9 MiB, 9 MiB free)\n", undefined],
    ["  (none)\n", undefined],
    ["", undefined],
  ];
  for (const [printed, name, mebibytes = 0] of devices) {
    it(`finds ${name ?? "no GPU"} in ${JSON.stringify(printed)}`, () => {
      const device = name === undefined ? null : { name, workingSetBytes: mebibytes * 2 ** 20 };
      assert.deepEqual(metalDevice(`Available devices:\n${printed}`), device);
    });
  }
});

const DEVICES = "  MTL0: Apple M1 (11453 MiB, 11453 MiB free)";

/** Commands that answer as those of a Mac that does well. */
async function wellCommands(): Promise<StandInCommands> {
  const commands = await standInCommands();
  const { command } = commands;
  await command("llama-server", `[ "$1" = --list-devices ] && echo "${DEVICES}"`);
  await command(
    "sysctl",
    `case $2 in
    kern.bootsessionuuid) echo 5A1C0C0F ;;
    kern.memorystatus_vm_pressure_level) echo 2 ;;
    *) echo "sysctl: unknown oid '$2'" >&2; exit 1 ;;
    esac`,
  );
  await command("vm_stat", `cat <<'END'\n${VM_STAT}END`);
  await command("ps", '[ "$1" = -axo ] && echo "  40   0:01.50" || echo "Sat Nov 21 10:00:00 2026 $TZ"');
  await command(
    "lsof",
    `[ "$1 $2 $3 $4" = "-nP -iTCP:8080 -sTCP:LISTEN -Fpc" ] && printf "p42\\ncpython3\\nf3\\n" && exit
    [ "$1 $2 $3 $4 $5 $6" = "-w -t -a -d 1 --" ] && [ "$7" = '${commands.llamaServer}' ] && printf "12\\n345\\n" || exit 1`,
  );
  return commands;
}

async function opened(commands: StandInCommands, libproc?: Parameters<typeof openDarwin>[1]): Promise<Platform> {
  const mac = await openDarwin(commands.mac, libproc);
  assert(mac.ok);
  return mac.value;
}

describe("a Mac without koffi, on stand-ins for its commands", () => {
  let commands: StandInCommands;
  beforeEach(async () => {
    commands = await wellCommands();
  });

  it("reads all facts", async () => {
    const mac = await opened(commands);
    assert.deepEqual([mac.backend, mac.bootId], ["metal", "5A1C0C0F"]);
    assert.equal(await mac.availableBytes(), 4706254848);
    assert.equal(await mac.pressure(), "warning");
    assert.equal(await mac.cpuSeconds(40), 1.5);
    assert.equal(await mac.startTime(123), "Sat Nov 21 10:00:00 2026 UTC");
    assert.equal(await mac.listenerOn(8080), "python3 (pid 42)");
    assert.equal(await mac.listenerOn(8081), null);
  });

  it("is opened without llama-server, which may be sick", async () => {
    await commands.command("llama-server", "exec sleep 60");
    const mac = await openPlatform("darwin", commands.mac);
    assert(mac.ok);
    assert.deepEqual(await commands.started(), ["sysctl"]);
  });

  it("LLMKube trap T8: gives null, never 0, if a probe fails", async () => {
    const mac = await opened(commands);
    for (const name of ["vm_stat", "sysctl", "ps"]) await commands.command(name, "exit 1");
    assert.deepEqual([await mac.availableBytes(), await mac.pressure(), await mac.cpuSeconds(40)], [null, null, null]);
    assert.equal(await mac.startTime(process.pid), undefined);
    assert.equal(await mac.startTime(2 ** 22 + 1), null);
  });

  it("gives null for a name that the kernel does not have", async () => {
    const sysctl = openSysctl(commands.mac, undefined);
    assert.deepEqual([await sysctl.number("iogpu.wired_limit_mb"), await sysctl.text("a.b")], [null, null]);
    assert.equal(await sysctl.number("kern.bootsessionuuid"), null);
    assert.equal(await sysctl.number("kern.memorystatus_vm_pressure_level"), 2);
  });

  it("finds who writes a log, and tells nobody from not knowing", async () => {
    const mac = await opened(commands);
    assert.deepEqual(await mac.writersOf(commands.llamaServer), [12, 345]);
    assert.deepEqual(await mac.writersOf(await temporaryDirectory()), []);
    assert.deepEqual(await mac.writersOf("/no/such/log"), []);
    await commands.command("lsof", "echo 'lsof: no memory' >&2; exit 1");
    assert.equal(await mac.writersOf(commands.llamaServer), undefined);
    const { mac: none } = await standInCommands();
    const without = await openDarwin({ ...commands.mac, lsof: none.lsof }, undefined);
    assert(without.ok);
    assert.equal(await without.value.writersOf(commands.llamaServer), undefined);
  });
});

describe("a Mac with koffi, on stand-ins for its system calls", () => {
  const server: StandInProcess = { footprintBytes: 100, startedAt: 7n, cpuSeconds: 2, group: 40 };
  const sysctls = {
    "kern.bootsessionuuid": Buffer.from("5A1C0C0F\0"),
    "kern.memorystatus_vm_pressure_level": int32(4),
    "hw.memsize": Buffer.from([0, 0, 0, 0, 4, 0, 0, 0]),
  };
  const processes = new Map([
    [40, server],
    [41, { ...server, cpuSeconds: 3 }],
    [43, undefined],
  ]);
  const libproc = standInLibproc(processes, sysctls);

  it("starts no command for whatever an idle agent reads, in an hour of seconds", async () => {
    const commands = await wellCommands();
    const mac = await opened(commands, libproc);
    const meter = darwinMeter(commands.mac, libproc);
    for (let second = 0; second < 3600; second += 1) {
      await mac.pressure();
      await mac.availableBytes();
      await mac.cpuSeconds(40);
      await mac.startTime(40);
      await meter.measure([{ pid: 40, startTime: "abstime:7" }]);
    }
    assert.deepEqual(await commands.started(), []);
  });

  it("reads the same facts as without", async () => {
    const mac = await opened(await wellCommands(), libproc);
    assert.equal(mac.bootId, "5A1C0C0F");
    assert.equal(await mac.pressure(), "critical");
    assert.equal(await mac.availableBytes(), 4096);
    assert.deepEqual([await mac.cpuSeconds(40), await mac.cpuSeconds(50)], [5, null]);
    assert.deepEqual(
      [await mac.startTime(40), await mac.startTime(43), await mac.startTime(99)],
      ["abstime:7", undefined, null],
    );
  });

  it("LLMKube trap T8: knows no pressure where the kernel has none, and no boot without its name", async () => {
    const commands = await wellCommands();
    const { "kern.bootsessionuuid": bootId } = sysctls;
    const quiet = await opened(commands, standInLibproc(processes, { "kern.bootsessionuuid": bootId }));
    assert.equal(await quiet.pressure(), null);
    const nameless = await openDarwin(commands.mac, standInLibproc(processes));
    assert(!nameless.ok);
    assert.match(nameless.error, /kern\.bootsessionuuid/);
  });

  it("reads numbers of 4 and 8 bytes, and null for anything else", async () => {
    const sysctl = openSysctl(undefined, libproc);
    assert.equal(await sysctl.number("hw.memsize"), 2 ** 34);
    assert.equal(await sysctl.number("kern.bootsessionuuid"), null);
    assert.equal(await sysctl.number("sysctl.proc_translated"), null);
  });
});
