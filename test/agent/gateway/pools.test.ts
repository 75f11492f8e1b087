import assert from "node:assert/strict";
import { openPools } from "../../../agent/gateway/pools.ts";
import { aModel, answersJson, chat, openHere, standInModels, standInServer, until } from "./scene.ts";

describe("the gateway's connections to a server", () => {
  it("are one for requests after one another, and one each for requests at once", async () => {
    const held: (() => void)[] = [];
    let holds = false;
    let seen: (number | undefined)[] = [];
    const answer = answersJson({ ok: true });
    const server = await standInServer((request, response) => {
      seen.push(request.socket.remotePort);
      if (holds) held.push(() => answer(request, response));
      else answer(request, response);
    });
    const models = standInModels(aModel("default/qwen"));
    models.set("default/qwen", server.ready);
    const { gateway, url } = await openHere(models);
    const ask = async () => {
      const answered = await fetch(url("/v1/chat/completions"), chat({ model: "qwen" }));
      assert.equal(answered.status, 200);
      await answered.text();
    };
    try {
      for (let times = 0; times < 3; times += 1) await ask();
      const [kept, ...others] = seen;
      assert.deepEqual(others, [kept, kept]);
      seen = [];
      holds = true;
      const together = Promise.all([ask(), ask(), ask()]);
      await until(() => held.length === 3, "three requests at the server");
      for (const go of held) go();
      await together;
      assert.equal(new Set(seen).size, 3);
      assert.ok(seen.includes(kept));
    } finally {
      await gateway.close();
      await server.close();
    }
  });

  it("are made anew where the server has another process at the same port", async () => {
    const first = await standInServer(answersJson({ from: "first" }));
    const models = standInModels(aModel("default/qwen"));
    models.set("default/qwen", first.ready);
    const { gateway, url } = await openHere(models);
    const ask = async () => fetch(url("/v1/chat/completions"), chat({ model: "qwen" }));
    try {
      await (await ask()).text();
      await first.close();
      const second = await standInServer(answersJson({ from: "second" }), first.port);
      const answered = await ask();
      assert.deepEqual([answered.status, await answered.json()], [200, { from: "second" }]);
      await second.close();
    } finally {
      await gateway.close();
    }
  });

  it("keep no timer, and so no process, once they are closed under a request", async () => {
    let timers = 0;
    const clock = {
      monotonic: () => 0,
      timer: () => {
        timers += 1;
        return () => (timers -= 1);
      },
    };
    const pools = openPools(clock, 1000);
    const way = pools.to({ host: "127.0.0.1", port: 1 });
    await pools.close();
    way.release();
    assert.equal(timers, 0);
  });
});
