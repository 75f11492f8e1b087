import assert from "node:assert/strict";
import type { HeldBack } from "../../../agent/boot/held-back.ts";
import type { Ran } from "../../../agent/boot/held-file.ts";
import type { Cause } from "../../../agent/boot/verdict.ts";
import { digestOfRun } from "../../../agent/workload/desired.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { MINUTE, stage } from "../stage.ts";

const NAME = "default/chat";
const JETSAM: Cause = { kind: "jetsam", at: 0, report: "/r/j.ips", reason: "vm-pageshortage" };

/** Says what the supervisor tells it, and answers as it is told. */
function recordedHeldBack() {
  const seen = {
    died: [] as { readonly one: Ran; readonly told: (cause: Cause) => void }[],
    proved: 0,
    follows: 0,
    held: false,
  };
  const heldBack: HeldBack = {
    holdOf: () => (seen.held ? { state: "HeldBack", reason: "AfterPanic", message: "m" } : undefined),
    follow: () => {
      seen.follows += 1;
    },
    died: (one, told) => {
      seen.died.push({ one, told });
    },
    provedItself: () => {
      seen.proved += 1;
    },
    problems: () => [],
  };
  return { seen, heldBack };
}

describe("a server and what macOS does to it", function () {
  this.timeout(60_000);
  const { open, want, wanted, tick, of, until, inState } = stage();

  it("is told of when it was killed, and gets that as its reason when the report is there", async () => {
    const { seen, heldBack } = recordedHeldBack();
    await open("well", { heldBack });
    const workload = await want(NAME);
    const { pid = 0 } = await until(NAME, inState("Ready"));
    process.kill(pid, "SIGKILL");
    const killed = await until(NAME, inState("BackOff"));
    assert.equal(killed.reason, "Killed");
    const [death] = seen.died;
    assert(death !== undefined && seen.died.length === 1);
    assert.deepEqual([death.one.id, death.one.name, death.one.wanted], [workload.id, NAME, digestOfRun(workload)]);
    assert.deepEqual([death.one.ran.pid, typeof death.one.ran.startedAt], [pid, "number"]);
    death.told(JETSAM);
    await tick(0);
    const { state, reason, message } = of(NAME) ?? {};
    assert.deepEqual([state, reason], ["BackOff", "JetsamKilled"]);
    assert.match(
      message ?? "",
      /^macOS ended it for want of memory \(vm-pageshortage, report \/r\/j\.ips\); next try in/,
    );
  });

  it("keeps its later state where the report comes when it runs again", async () => {
    const { seen, heldBack } = recordedHeldBack();
    await open("well", { heldBack });
    await want(NAME);
    const { pid = 0 } = await until(NAME, inState("Ready"));
    process.kill(pid, "SIGKILL");
    await until(NAME, inState("BackOff"));
    await until(NAME, inState("Ready"));
    seen.died[0]?.told(JETSAM);
    await tick(0);
    assert.deepEqual([of(NAME)?.state, of(NAME)?.reason], ["Ready", undefined]);
  });

  it("is not told of where it was stopped, or ended by itself", async () => {
    const { seen, heldBack } = recordedHeldBack();
    await open("exits-at-once@default/other", { heldBack });
    await want(NAME);
    await want("default/other");
    await until(NAME, inState("Ready"));
    await until("default/other", inState("BackOff"));
    wanted.set(workloadId(NAME), { kind: "stopped", name: NAME, message: "replicas 0" });
    await until(NAME, inState("Stopped"));
    assert.deepEqual(seen.died, []);
  });

  it("has proved itself after ten minutes of service, not before", async () => {
    const { seen, heldBack } = recordedHeldBack();
    await open("well", { heldBack });
    await want(NAME);
    await until(NAME, inState("Ready"));
    await tick(9 * MINUTE);
    assert.equal(seen.proved, 0);
    await tick(MINUTE);
    assert.equal(seen.proved, 1);
  });

  it("is not started while it is held back, and is when it no longer is", async () => {
    const { seen, heldBack } = recordedHeldBack();
    seen.held = true;
    await open("well", { heldBack });
    await want(NAME);
    for (let ticks = 0; ticks < 5; ticks += 1) await tick();
    assert.deepEqual([of(NAME)?.state, of(NAME)?.phase, of(NAME)?.reason], ["HeldBack", "Failed", "AfterPanic"]);
    seen.held = false;
    await until(NAME, inState("Ready"));
  });

  it("is no longer asked about while the agent ends: that nothing is wanted then is nobody's word", async () => {
    const { seen, heldBack } = recordedHeldBack();
    const processes = await open("well", { heldBack });
    await processes.tick({ workloads: new Map(), synced: true, ending: true });
    assert.equal(seen.follows, 0);
    await processes.tick({ workloads: new Map(), synced: true });
    assert.equal(seen.follows, 1);
  });
});
