import assert from "node:assert/strict";
import type { KernelLimit } from "../../../agent/kernel-limit/kernel-limit.ts";
import { MIB, stage } from "../stage.ts";

const NAME = "default/chat";

/** As taskpolicy: it cannot be moved, and the kernel keeps no record of what it kills. */
const UNRECORDED: KernelLimit = {
  ...{ kind: "taskpolicy -m", wrap: (command) => command, enclose: () => {}, release: () => {}, close: () => {} },
  breached: () => undefined,
  move: () => false,
};

describe("a server that dies between two samples", function () {
  this.timeout(60_000);
  const { machine, open, want, tick, until, inState } = stage();

  /** The status after a SIGKILL of a server of 512 MiB that holds 150 MiB when it is looked at. */
  const killed = async (peaksMib: readonly number[], kernelLimit?: KernelLimit) => {
    machine.kernelLimit = kernelLimit;
    machine.peak = () => 160 * MIB;
    await open("well");
    await want(NAME);
    const { pid } = await until(NAME, inState("Ready"));
    for (const peak of peaksMib) {
      machine.peak = () => peak * MIB;
      await tick();
    }
    assert.equal((await until(NAME, inState("Ready"))).pid, pid);
    assert(pid);
    process.kill(pid, "SIGKILL");
    return until(NAME, inState("BackOff"));
  };
  /** The last peak is read once more while the test waits: it must be new each time, or it is over. */
  const rising = (fromMib: number) => {
    let mib = fromMib;
    return () => {
      mib += 1;
      return mib * MIB;
    };
  };

  it("had outgrown its budget, if its peak since the sample before says so", async () => {
    machine.peak = () => 160 * MIB;
    await open("well");
    await want(NAME);
    const { pid } = await until(NAME, inState("Ready"));
    machine.peak = rising(700);
    await tick();
    assert(pid);
    process.kill(pid, "SIGKILL");
    const { reason, message } = await until(NAME, inState("BackOff"));
    assert.equal(reason, "BudgetExceeded");
    assert.match(
      message ?? "",
      /^ended \(SIGKILL\) after it had held 70\d\.0 MiB between two samples, above the budget 512\.0 MiB/,
    );
  });

  it("had not, if the peak is an older one", async () => {
    const { reason } = await killed([700, 700]);
    assert.equal(reason, "Killed");
  });

  it("has most likely met the kernel's limit, if that is in force and keeps no record", async () => {
    const { reason, message } = await killed([170], UNRECORDED);
    assert.equal(reason, "BudgetExceeded");
    const said =
      /^killed \(SIGKILL\), most likely by the kernel at its limit of 544\.0 MiB \(taskpolicy -m\), just above the budget 512\.0 MiB .*held 150\.0 MiB when it was last measured/;
    assert.match(message ?? "", said);
  });

  it("was killed by somebody, if it cannot have reached that limit since it was measured", async () => {
    machine.kernelLimit = UNRECORDED;
    await open("well");
    // Beside 150 MiB, no process fills 64 GiB in a second.
    const budget = { bytes: 65_536 * MIB, source: "crd-budget" } as const;
    await want(NAME, { budget });
    const { pid } = await until(NAME, inState("Ready"));
    assert(pid);
    process.kill(pid, "SIGKILL");
    const { reason } = await until(NAME, inState("BackOff"));
    assert.equal(reason, "Killed");
  });

  it("has met the kernel's limit, if it was last seen close to it", async () => {
    machine.footprint = () => 500 * MIB;
    const { message } = await killed([500], UNRECORDED);
    assert.match(message ?? "", /^killed by the kernel at its limit of 544\.0 MiB/);
  });

  it("did not, if the kernel has no record of it", async () => {
    const { reason } = await killed([170], { ...UNRECORDED, breached: () => false });
    assert.equal(reason, "Killed");
  });
});
