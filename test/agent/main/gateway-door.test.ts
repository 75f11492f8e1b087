import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate as immediate } from "node:timers/promises";
import type { Runnable } from "../../../agent/lifecycle/runnable.ts";
import { type GatewayDoor, openDoor, openFront } from "../../../agent/main/gateway-door.ts";
import type { GatewayFlags } from "../../../agent/main/startup.ts";
import type { Serving } from "../../../agent/supervisor/serving.ts";
import { chat, errorOf, until } from "../gateway/scene.ts";
import { aWorkload } from "../samples.ts";

const LOADING: Serving = {
  workload: aWorkload(),
  decision: { act: "nothing", state: "Starting" },
  ...{ rest: undefined, address: undefined, expectedLoadMs: 4000, estimateBytes: 2 ** 30, measuredBytes: undefined },
};

describe("the gateway of an agent", () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function opened(port: number) {
    const flags: GatewayFlags = { listen: { host: "127.0.0.1", port }, keysFile: undefined, idleUnloadMs: undefined };
    const front = await openFront(
      flags,
      () => performance.now(),
      () => {},
    );
    const serving: Serving[] = [LOADING];
    const ending = new AbortController();
    const over = new AbortController();
    const faults: unknown[] = [];
    const door = await openDoor(front, {
      supervisor: { serving: () => serving },
      isRead: () => true,
      ending: ending.signal,
      background: (_, work) => {
        work.catch((error: unknown) => faults.push(error));
      },
    });
    let running = true;
    const run = Promise.all(door.runnables.map((one: Runnable) => one.run(over.signal))).then(() => (running = false));
    closing.push(async () => {
      ending.abort();
      over.abort();
      await run;
      assert.deepEqual(faults, []);
    });
    return { door, front, serving, ending, isRunning: () => running };
  }
  const post = ({ url }: GatewayDoor) => fetch(`${url()}/completions`, chat({ model: LOADING.workload.name }));

  it("says that the agent ends, and not that there is no such model, while its servers stop", async () => {
    const { door, front, serving, ending, isRunning } = await opened(0);
    const waits = post(door);
    await until(() => front?.demand.demandOf(LOADING.workload.id).waiting === 1, "the wait");
    ending.abort();
    // The tick in which nothing is wanted any more.
    await immediate();
    serving.pop();
    door.ticked();
    const refused = await waits;
    assert.deepEqual([refused.status, (await errorOf(refused))["code"]], [503, "ending"]);
    assert.equal(isRunning(), true);
  });

  it("says why there is none, and the agent goes on", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { door } = await opened((taken.address() as AddressInfo).port);
    assert.equal(door.url(), undefined);
    assert.match(door.notices.flatMap(({ problems }) => problems()).join(), /^no gateway at .+the port is in use/);
    taken.close();
    await until(() => door.url() !== undefined, "the port");
    assert.deepEqual(
      door.notices.flatMap(({ problems }) => problems()),
      [],
    );
    const answer = await fetch(`${door.url()}/models`);
    assert.equal(answer.status, 200);
  });
});
