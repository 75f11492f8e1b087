import assert from "node:assert/strict";
import { openInstance } from "../../../agent/node/instance.ts";
import { factsOfMac, labelValue, machineFacts, parsePlatformUuid } from "../../../agent/node/machine.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { standInCommands } from "../host/stand-in-mac.ts";

describe("what a Node says of the machine", () => {
  const UUID = "564D1B3C-0000-4000-8000-0123456789AB";
  const sysctl = (those: Record<string, string>) => ({ text: async (name: string) => those[name] ?? null });

  it("is what a Mac's registry and kernel say", async () => {
    const commands = await standInCommands();
    await commands.command("ioreg", `echo '      "IOPlatformUUID" = "${UUID}"'`);
    const kernel = sysctl({ "kern.osproductversion": "15.4", "machdep.cpu.brand_string": "Apple M4 Max" });
    assert.deepEqual(await factsOfMac(commands.mac, kernel), {
      ...{ machineId: UUID, systemUuid: UUID, osImage: "macOS 15.4", chip: "apple-m4-max" },
    });
  });
  it("is left empty where it cannot be read", async () => {
    const commands = await standInCommands();
    assert.deepEqual(await factsOfMac(commands.mac, sysctl({})), {
      ...{ machineId: "", systemUuid: "", osImage: "macOS", chip: undefined },
    });
    assert.equal(parsePlatformUuid('"IOPlatformUUID" = "x"'), "");
  });
  it("has chips that a label can hold", () => {
    assert.deepEqual(["Apple M1", " -- ", "a".repeat(70), "VirtualApple @ 2.50GHz"].map(labelValue), [
      "apple-m1",
      undefined,
      "a".repeat(63),
      "virtualapple-2-50ghz",
    ]);
  });
  it("is of this machine, which only stands in for a Mac", async () => {
    const { bootId, chip, cpus, osImage } = await machineFacts({ backend: "cpu", bootId: "b" });
    assert.deepEqual([bootId, chip, cpus > 0], ["b", undefined, true]);
    assert.match(osImage, /stands in for macOS/);
  });
});

describe("which agent a Node's name belongs to", () => {
  it("is the same for a state folder on one machine, and another one elsewhere", async () => {
    const folder = await temporaryDirectory();
    const idOf = async (state: string, machine: string) => {
      const instance = await openInstance(state, "mac-1", machine);
      assert(instance.ok);
      assert.match(instance.value.id, /^[0-9a-f]{16}$/);
      return instance.value.id;
    };
    const first = await idOf(folder, "m1");
    assert.equal(await idOf(folder, "m1"), first);
    // Set up from the other Mac's backup.
    assert.notEqual(await idOf(folder, "m2"), first);
    assert.notEqual(await idOf(await temporaryDirectory(), "m1"), first);
  });
  it("tells the name that it had before", async () => {
    const folder = await temporaryDirectory();
    const former = async (name: string) => {
      const instance = await openInstance(folder, name, "m");
      assert(instance.ok);
      return instance.value.formerName;
    };
    assert.deepEqual(
      [await former("mac-1"), await former("mac-1"), await former("mac-2"), await former("mac-2")],
      [...[undefined, undefined, "mac-1", undefined]],
    );
  });
  it("cannot be told where the state folder is away: one sentence", async () => {
    const instance = await openInstance("/nonexistent/state", "mac-1", "m");
    assert(!instance.ok);
    assert.match(instance.error, /^the state folder \/nonexistent\/state cannot be written \(ENOENT\)/);
  });
});
