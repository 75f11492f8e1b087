import assert from "node:assert/strict";
import type { PressureLevel } from "../../../agent/host/platform.ts";
import { pressureMonitor } from "../../../agent/supervisor/pressure-monitor.ts";

describe("the memory pressure of the machine", function () {
  this.timeout(5000);

  it("is unknown while a reading of it hangs, which no tick waits for, and is not begun again", async () => {
    const hanging = Promise.withResolvers<PressureLevel | null>();
    let readings = 0;
    const pressure = async () => {
      readings += 1;
      return readings === 2 ? hanging.promise : "normal";
    };
    const monitor = pressureMonitor({ pressure }, 20);
    await monitor.sample(0);
    assert.deepEqual([monitor.pressure().level, monitor.pressure().unknown], ["normal", false]);
    await monitor.sample(1000);
    await monitor.sample(2000);
    assert.deepEqual([monitor.pressure().unknown, readings], [true, 2]);
    hanging.resolve("critical");
    await monitor.sample(3000);
    assert.deepEqual([monitor.pressure().level, monitor.pressure().unknown, readings], ["critical", false, 2]);
    await monitor.sample(4000);
    assert.deepEqual([monitor.pressure().level, readings], ["normal", 3]);
  });

  it("is unknown where it cannot be read", async () => {
    const monitor = pressureMonitor({ pressure: () => Promise.reject(new Error("made up")) });
    await monitor.sample(0);
    assert.equal(monitor.pressure().unknown, true);
  });
});
