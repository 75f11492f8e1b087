import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { join } from "node:path";
import type { Interfaces } from "../../../agent/node/addresses.ts";
import { diskReader } from "../../../agent/node/disk.ts";
import { writePace } from "../../../agent/node/pace.ts";
import { openSurroundings } from "../../../agent/node/surroundings.ts";
import type { AgentStatus } from "../../../agent/status/status.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

function agent(pressure: NonNullable<AgentStatus["agent"]["pressure"]>): AgentStatus["agent"] {
  return {
    ...{ pid: 1, startedAt: "2026-11-26T17:00:00Z", updatedAt: "2026-11-26T17:00:00Z", hostMemoryBytes: 2 },
    ...{ allocatableBytes: 1, backend: "metal", kernelCap: "none", problems: [], notes: [], pressure },
  };
}

describe("what a Mac's Node tells of its surroundings", () => {
  let now: number;
  let trouble: string | undefined;
  const open = async () =>
    openSurroundings({
      ...{ modelsFolder: await temporaryDirectory(), nodeIp: "10.0.0.7", ending: () => false, clock: () => now },
      trouble: () => trouble,
    });
  beforeEach(() => {
    [now, trouble] = [1000, undefined];
  });

  it("is no trouble that passes within the time of a Lease", async () => {
    const around = await open();
    const ready = () => around.conditions().find(({ type }) => type === "Ready");
    const stands = (milliseconds: number, what: string | undefined) => {
      now += milliseconds;
      trouble = what;
      return ready()?.status;
    };
    assert.equal(stands(0, "its loop stands still"), "True");
    assert.equal(stands(39_000, "its loop stands still"), "True");
    assert.equal(stands(500, undefined), "True");
    assert.equal(stands(500, "its loop stands still"), "True");
    assert.equal(stands(40_000, "its loop stands still"), "False");
    assert.equal(ready()?.message, "its loop stands still");
    assert.equal(stands(1000, undefined), "True");
  });

  it("is memory pressure from the first critical sample until five minutes after the last", async () => {
    const around = await open();
    const memory = () => around.conditions().find(({ type }) => type === "MemoryPressure")?.status;
    around.heard(agent("warning"));
    assert.equal(memory(), "False");
    around.heard(agent("critical"));
    assert.equal(memory(), "True");
    now += 299_000;
    around.heard(agent("normal"));
    assert.equal(memory(), "True");
    now += 1000;
    around.heard(agent("normal"));
    assert.equal(memory(), "False");
  });

  it("is the address that a person named, and the disk of the models", async () => {
    const around = await open();
    await around.look();
    assert.equal(around.address(), "10.0.0.7");
    const { freeBytes, totalBytes } = around.disk() ?? { freeBytes: 0, totalBytes: 0 };
    assert(totalBytes > 0 && freeBytes <= totalBytes);
  });

  it("is an address that stays while the machine has it, and follows where it is gone", async () => {
    const of = (address: string): NetworkInterfaceInfo => ({
      ...{ address, family: "IPv4", internal: false, netmask: "255.255.255.0", mac: "", cidr: null },
    });
    let interfaces: Interfaces = { en1: [of("192.0.2.20")] };
    const around = openSurroundings({
      ...{ modelsFolder: await temporaryDirectory(), nodeIp: undefined, trouble: () => undefined },
      ...{ ending: () => false, clock: () => now, readInterfaces: () => interfaces },
    });
    const seenAfter = async (next: Interfaces) => {
      interfaces = next;
      await around.look();
      return around.address();
    };
    assert.equal(await seenAfter(interfaces), "192.0.2.20");
    // A cable is plugged in.
    assert.equal(await seenAfter({ en0: [of("192.0.2.30")], en1: [of("192.0.2.20")] }), "192.0.2.20");
    assert.equal(await seenAfter({}), "192.0.2.20");
    // DHCP gives another one.
    assert.equal(await seenAfter({ en1: [of("192.0.2.21")] }), "192.0.2.21");
  });

  it("is the disk of a folder that was not made yet", async () => {
    const space = await diskReader(join(await temporaryDirectory(), "not", "yet"), () => now)();
    assert(space !== undefined && space.totalBytes > 0);
  });
});

describe("the pace of writes about a Node", () => {
  it("lets a burst through, and then three a minute, whoever else writes", () => {
    let now = 0;
    const pace = writePace(() => now);
    const written: number[] = [];
    for (; now < 10 * 60_000; now += 1000) {
      if (pace.waitMs() > 0) continue;
      pace.wrote();
      written.push(now);
    }
    assert.equal(written.filter((at) => at < 10_000).length, 8);
    assert.equal(written.filter((at) => at >= 60_000 && at < 360_000).length, 15);
  });
});
