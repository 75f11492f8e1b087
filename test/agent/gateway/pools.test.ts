import assert from "node:assert/strict";
import { openPools } from "../../../agent/gateway/pools.ts";
import { aModel, answersJson, chat, openHere, standInModels, standInServer } from "./scene.ts";

describe("the gateway's connections to a server", () => {
  it("are made anew for each request, as llama-server closes one after a stream though it says that it keeps it", async () => {
    const ports: (number | undefined)[] = [];
    const server = await standInServer((request, response) => {
      ports.push(request.socket.remotePort);
      request.resume();
      response.writeHead(200, { "content-type": "text/event-stream", "keep-alive": "timeout=5, max=100" });
      response.end("data: [DONE]\n\n");
      // The end is on its way while the next request may be as well.
      response.once("finish", () => setTimeout(() => request.socket.destroy(), 2));
    });
    const models = standInModels(aModel("default/qwen"));
    models.set("default/qwen", server.ready);
    const { gateway, url } = await openHere(models);
    const ask = async () => {
      const answered = await fetch(url("/v1/chat/completions"), chat({ model: "qwen", stream: true }));
      return [answered.status, await answered.text()];
    };
    try {
      for (let times = 0; times < 50; times += 1) assert.deepEqual(await ask(), [200, "data: [DONE]\n\n"]);
      assert.equal(new Set(ports).size, ports.length);
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
