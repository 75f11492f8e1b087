import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultProxy, startFaultProxy } from "../support/cluster/fault-proxy.ts";

describe("toolchain: the fault proxy", () => {
  let echo: Server;
  let proxy: FaultProxy;

  beforeEach(async () => {
    echo = createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    proxy = await startFaultProxy(`https://127.0.0.1:${(echo.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    await proxy.close();
    echo.close();
  });

  it("hands on what both sides send, however much", async () => {
    const client = await dial(proxy);
    const sent = Buffer.alloc(5_000_000, "x");
    client.socket.write(sent);
    await client.hears(sent.length);
    client.socket.destroy();
    assert.deepEqual(proxy.connections().ever, 1);
  });

  it("lets nothing through in a black hole, and keeps what was open in it dead afterwards", async () => {
    const client = await dial(proxy);
    client.socket.write("before");
    await client.hears(6);
    await proxy.set("black-hole");
    const during = await dial(proxy);
    client.socket.write("lost");
    during.socket.write("lost");
    await sleep(100);
    await proxy.set("pass");
    client.socket.write("lost too");
    const after = await dial(proxy);
    after.socket.write("sound");
    await after.hears(5);
    await sleep(50);
    assert.deepEqual([client.heard(), during.heard()], [6, 0]);
    assert.equal(client.socket.destroyed, false, "it is half-open, not closed");
    for (const { socket } of [client, during, after]) socket.destroy();
  });

  it("resets what is open when it is told to, and takes new connections", async () => {
    const client = await dial(proxy);
    client.socket.write("one");
    await client.hears(3);
    const closed = new Promise((resolve) => client.socket.once("close", resolve));
    proxy.cutAll();
    await closed;
    const next = await dial(proxy);
    next.socket.write("two");
    await next.hears(3);
    next.socket.destroy();
  });

  it("refuses connections at its port until it passes again", async () => {
    await proxy.set("refuse");
    await assert.rejects(dial(proxy), { code: "ECONNREFUSED" });
    await proxy.set("pass");
    const client = await dial(proxy);
    client.socket.write("back");
    await client.hears(4);
    client.socket.destroy();
  });

  it("delays what passes, in its order", async () => {
    await proxy.set({ delayMs: 100 });
    const client = await dial(proxy);
    const from = performance.now();
    client.socket.write("late");
    await client.hears(4);
    assert.ok(performance.now() - from >= 190, "there and back");
    client.socket.destroy();
  });
});

async function dial(proxy: FaultProxy) {
  const socket = connect(Number(new URL(proxy.server).port), "127.0.0.1");
  let heard = 0;
  socket.on("data", (chunk) => {
    heard += chunk.length;
    socket.emit("heard");
  });
  await once(socket, "connect");
  socket.on("error", () => {});
  return {
    socket,
    heard: () => heard,
    hears: async (bytes: number) => {
      while (heard < bytes) await once(socket, "heard");
    },
  };
}
