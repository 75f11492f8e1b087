import assert from "node:assert/strict";
import type { KubeFailureKind, KubeObject } from "../../kube/client.ts";
import { failed } from "../../kube/failure.ts";
import { TOO_LARGE } from "../../kube/http/request.ts";
import { KINDS } from "../../kube/kinds.ts";
import { type ReflectorOptions, reflector, wholeObject } from "../../kube/reflector/reflector.ts";
import { fakeClock } from "./support/fake-clock.ts";
import { bookmark, listed, NO_WATCH_LIST, object, standInClient } from "./support/stand-in-client.ts";

const AWAY = failed("unavailable", "the server is away");

describe("kube: reflector", () => {
  let ended: AbortController;
  beforeEach(() => {
    ended = new AbortController();
  });
  afterEach(() => ended.abort());

  function started(more: Partial<ReflectorOptions<KubeObject>> = {}) {
    const clock = fakeClock();
    const server = standInClient();
    const changes: string[] = [];
    const said: string[] = [];
    const pods = reflector({
      client: server.client,
      kind: KINDS.pod,
      parse: wholeObject,
      changed: ({ type, key, uid }) => changes.push(`${type} ${key} ${uid}`),
      report: (message) => said.push(message),
      clock,
      random: () => 0.5,
      ...more,
    });
    const run = pods.run(ended.signal);
    return { clock, server, changes, said, pods, run };
  }

  /** One that has listed two objects at version 10, and watches from there. */
  async function following(more: Partial<ReflectorOptions<KubeObject>> = {}) {
    const parts = started(more);
    const first = await parts.server.watch(1);
    await first.send({ type: "ADDED", object: object("a", "1") }, { type: "ADDED", object: object("b", "2") });
    await first.send(bookmark("10", true));
    return { ...parts, watch: first };
  }

  it("takes the list from the watch itself, and is synced at its end, not before", async () => {
    const { server, pods, changes } = started();
    const watch = await server.watch(1);
    assert.equal(watch.wanted.sendInitialEvents, true);
    await watch.send({ type: "ADDED", object: object("a", "1") });
    assert.equal(pods.synced(), false);
    assert.deepEqual(changes, []);
    await watch.send(bookmark("5"));
    assert.equal(pods.synced(), false, "a bookmark in between ends no list");
    await watch.send(bookmark("10", true));
    assert.equal(pods.synced(), true);
    assert.deepEqual(changes, ["added ns/a uid-of-a"]);
    await watch.send({ type: "MODIFIED", object: object("a", "11") });
    assert.deepEqual(changes.slice(1), ["updated ns/a uid-of-a"]);
    assert.equal(server.lists.length, 0);
  });

  it("lists in pages where the server has no list in a watch, and never asks for that again", async () => {
    const { server, pods, changes } = started();
    await (await server.watch(1)).end(NO_WATCH_LIST);
    const first = await server.list(1);
    assert.equal(first.wanted.limit, 500);
    await first.answer({ ok: true, value: { items: [object("a", "1")], resourceVersion: "9", continue: "more" } });
    const second = await server.list(2);
    assert.equal(second.wanted.continue, "more");
    assert.equal(pods.synced(), false);
    await second.answer(listed("10", object("b", "2")));
    assert.equal(pods.synced(), true);
    assert.deepEqual(changes, ["added ns/a uid-of-a", "added ns/b uid-of-b"]);
    const watch = await server.watch(2);
    assert.equal(watch.wanted.resourceVersion, "10");
    await watch.end(failed("gone", "too old", { status: 410 }));
    assert.equal((await server.list(3).catch(() => undefined)) === undefined, true, "not before its wait");
  });

  it("keeps what it knows while a list is partial: absence proves nothing", async () => {
    const { clock, server, watch, pods, changes } = await following();
    await watch.end(failed("gone", "too old"));
    await clock.advance(30_000);
    const second = await server.watch(2);
    assert.equal(second.wanted.sendInitialEvents, true);
    await second.send({ type: "ADDED", object: object("a", "1") });
    await second.end(AWAY);
    assert.deepEqual(pods.keys(), ["ns/a", "ns/b"]);
    assert.equal(changes.length, 2);
    await clock.advance(30_000);
    const third = await server.watch(3);
    await third.send({ type: "ADDED", object: object("a", "1") }, bookmark("20", true));
    assert.deepEqual(changes.slice(2), ["deleted ns/b uid-of-b"]);
  });

  it("keeps what it knows when a later page of a list fails", async () => {
    const { clock, server, pods } = started();
    await (await server.watch(1)).end(NO_WATCH_LIST);
    await (await server.list(1)).answer(listed("10", object("a", "1"), object("b", "2")));
    await (await server.watch(2)).end(failed("gone", "too old"));
    await clock.advance(30_000);
    await (await server.list(2)).answer({
      ok: true,
      value: { items: [object("a", "1")], resourceVersion: "20", continue: "more" },
    });
    await (await server.list(3)).answer(AWAY);
    assert.deepEqual(pods.keys(), ["ns/a", "ns/b"]);
  });

  it("lists in one piece where the rest of a list has expired", async () => {
    const { server, pods } = started();
    await (await server.watch(1)).end(NO_WATCH_LIST);
    await (await server.list(1)).answer({
      ok: true,
      value: { items: [object("old", "1")], resourceVersion: "9", continue: "more" },
    });
    await (await server.list(2)).answer(failed("gone", "the continue token is too old", { status: 410 }));
    const whole = await server.list(3);
    assert.deepEqual([whole.wanted.limit, whole.wanted.continue], [undefined, undefined]);
    await whole.answer(listed("30", object("new", "2")));
    assert.deepEqual(pods.keys(), ["ns/new"]);
  });

  it("asks for fewer objects where a page is too large", async () => {
    const { server, pods } = started();
    await (await server.watch(1)).end(NO_WATCH_LIST);
    await (await server.list(1)).answer(failed("invalid", "too large", { reason: TOO_LARGE }));
    const smaller = await server.list(2);
    assert.equal(smaller.wanted.limit, 125);
    await smaller.answer(listed("10", object("a", "1")));
    assert.equal(pods.synced(), true);
  });

  it("goes on from the last bookmark when the server ends the watch in order", async () => {
    const { server, watch, changes } = await following();
    await watch.send({ type: "MODIFIED", object: object("a", "11") }, bookmark("40"));
    await watch.end();
    const next = await server.watch(2);
    assert.deepEqual([next.wanted.resourceVersion, next.wanted.sendInitialEvents], ["40", undefined]);
    assert.equal(changes.length, 3);
  });

  const fates: readonly [KubeFailureKind, string | undefined][] = [
    ["gone", undefined],
    ["not-found", undefined],
    ["invalid", undefined],
    ["unavailable", "10"],
    ["throttled", "10"],
    ["forbidden", "10"],
    ["unauthorized", "10"],
    ["conflict", "10"],
  ];
  for (const [kind, from] of fates) {
    const how = from === undefined ? "lists again" : "goes on from where it was";
    it(`${how} after a watch ends with ${kind}`, async () => {
      const { clock, server, watch } = await following();
      await watch.end(failed(kind, `it is ${kind}`));
      await clock.advance(399);
      assert.equal(server.watches.length, 1);
      await clock.advance(1);
      assert.equal((await server.watch(2)).wanted.resourceVersion, from);
    });

    it(`tries for ever while a first list fails with ${kind}`, async () => {
      const { clock, server, pods } = started();
      const fate = failed(kind, `it is ${kind}`);
      for (let round = 1; round <= 20; round += 1) {
        await (await server.watch()).end(fate);
        if (server.lists.length > 0) await (await server.list()).answer(fate);
        const [wait = 0] = clock.pending();
        assert(wait <= 15_000, `round ${round} waits ${wait} ms`);
        await clock.advance(wait);
      }
      assert.equal(pods.synced(), false);
      assert.equal(server.watches.length + server.lists.length > 20, true);
    });
  }

  it("takes an error within the stream as what it says, and nothing after it", async () => {
    const { clock, server, watch, pods } = await following();
    await watch.send({ type: "ERROR", failure: failed("gone", "too old resource version", { status: 410 }) });
    await watch.send({ type: "DELETED", object: object("a", "11") });
    await watch.end();
    await clock.advance(400);
    assert.equal((await server.watch(2)).wanted.sendInitialEvents, true);
    assert.deepEqual(pods.keys(), ["ns/a", "ns/b"]);
  });

  it("waits as long as the server asks", async () => {
    const { clock, server, watch } = await following();
    await watch.end(failed("throttled", "too many requests", { status: 429, retryAfterMs: 5000 }));
    await clock.advance(5000);
    assert.equal(server.watches.length, 1);
    await clock.advance(400);
    assert.equal(server.watches.length, 2);
  });

  it("backs off from a server that ends each watch at once", async () => {
    const { clock, server, watch } = await following();
    await watch.end();
    for (const wait of [400, 800, 1600]) {
      await (await server.watch()).end();
      const before = server.watches.length;
      await clock.advance(wait - 1);
      assert.equal(server.watches.length, before);
      await clock.advance(1);
      assert.equal(server.watches.length, before + 1);
    }
  });

  it("sees an object that was deleted and made anew in a gap as a deletion and an addition", async () => {
    const { clock, server, watch, changes } = await following();
    await watch.end(failed("gone", "too old"));
    await clock.advance(400);
    const next = await server.watch(2);
    await next.send(
      { type: "ADDED", object: object("a", "31", "another") },
      { type: "ADDED", object: object("b", "2") },
    );
    await next.send(bookmark("40", true));
    assert.deepEqual(changes.slice(2), ["deleted ns/a uid-of-a", "added ns/a another"]);
    await next.send({ type: "MODIFIED", object: object("a", "41", "third") });
    assert.deepEqual(changes.slice(4), ["deleted ns/a another", "added ns/a third"]);
  });

  it("tells nothing of an object that a list shows as it was", async () => {
    const { clock, server, watch, changes } = await following();
    await watch.end(failed("gone", "too old"));
    await clock.advance(400);
    const next = await server.watch(2);
    await next.send(
      { type: "ADDED", object: object("a", "1") },
      { type: "ADDED", object: object("b", "2") },
      bookmark("40", true),
    );
    assert.equal(changes.length, 2);
  });

  it("keeps a bad object out, says why, and takes it when it is mended", async () => {
    const bad = new Set(["b"]);
    const parse = (whole: KubeObject) =>
      bad.has(whole.metadata.name) ? ({ ok: false, error: "spec.x is missing" } as const) : wholeObject(whole);
    const { watch, pods, changes } = await following({ parse });
    assert.equal(pods.get("ns/b"), undefined);
    assert.equal(pods.problem("ns/b"), "spec.x is missing");
    assert.equal(pods.problem("ns/a"), undefined);
    assert.equal(pods.list().length, 1);
    assert.deepEqual(pods.keys(), ["ns/a", "ns/b"]);
    assert.deepEqual(changes, ["added ns/a uid-of-a", "added ns/b uid-of-b"]);
    bad.clear();
    await watch.send({ type: "MODIFIED", object: object("b", "11") });
    assert.equal(pods.problem("ns/b"), undefined);
    assert.equal(pods.get("ns/b")?.metadata.resourceVersion, "11");
  });

  it("goes on after a parser or a handler throws", async () => {
    const parse = (whole: KubeObject) => {
      if (whole.metadata.name === "b") throw new Error("the parser broke");
      return wholeObject(whole);
    };
    const changed = () => {
      throw new Error("the handler broke");
    };
    const { watch, pods, said } = await following({ parse, changed });
    await watch.send({ type: "MODIFIED", object: object("a", "11") });
    assert.equal(pods.get("ns/a")?.metadata.resourceVersion, "11");
    assert.equal(pods.problem("ns/b"), "the parser broke");
    assert.equal(said.length, 3);
    assert.match(said[0] ?? "", /a handler failed on ns\/a: the handler broke/);
  });

  it("says a failure once, and its end once", async () => {
    const { clock, server, watch, said } = await following();
    await watch.end(AWAY);
    for (let round = 0; round < 4; round += 1) {
      await clock.advance(30_000);
      await (await server.watch()).end(AWAY);
    }
    await clock.advance(30_000);
    await (await server.watch()).send(bookmark("50"));
    assert.deepEqual(said, ["the server is away", "pods: https://stand-in answers again"]);
  });

  it("corrects and counts what a list beside the watch shows and the watch did not tell", async () => {
    const { clock, server, watch, pods, changes, said } = await following({ relistMs: 600_000 });
    await clock.advance(600_000);
    const list = await server.list(1);
    await watch.send({ type: "ADDED", object: object("during", "45") });
    await list.answer(listed("50", object("b", "3"), object("c", "4"), object("during", "44")));
    assert.equal(pods.counts().corrections, 0, "the watch has not come past the list");
    await watch.send(bookmark("56"));
    await clock.advance(1000);
    assert.equal(pods.counts().corrections, 3);
    assert.deepEqual(changes.slice(3), ["deleted ns/a uid-of-a", "updated ns/b uid-of-b", "added ns/c uid-of-c"]);
    assert.deepEqual(pods.keys().toSorted(), ["ns/b", "ns/c", "ns/during"]);
    assert.match(said.at(-1) ?? "", /3 changes that the watch did not tell of/);
    assert.equal(server.watches.length, 1);
  });

  it("corrects nothing where the watch tells it in time", async () => {
    const { clock, server, watch, pods } = await following();
    await clock.advance(600_000);
    const list = await server.list(1);
    await list.answer(listed("50", object("b", "2"), object("c", "45")));
    await watch.send({ type: "DELETED", object: object("a", "44") }, { type: "ADDED", object: object("c", "45") });
    await watch.send(bookmark("60"));
    await clock.advance(1000);
    assert.equal(pods.counts().corrections, 0);
    assert.deepEqual(pods.keys(), ["ns/b", "ns/c"]);
  });

  it("corrects nothing by a list that another one overtook", async () => {
    const { clock, server, watch, pods } = await following();
    await clock.advance(600_000);
    const list = await server.list(1);
    await watch.end(failed("gone", "too old"));
    await clock.advance(400);
    await (await server.watch(2)).send({ type: "ADDED", object: object("a", "70") }, bookmark("80", true));
    await list.answer(listed("50", object("b", "2")));
    await clock.advance(1000);
    assert.equal(pods.counts().corrections, 0);
    assert.deepEqual(pods.keys(), ["ns/a"]);
  });

  it("spreads the length of watches, and takes silence as death", async () => {
    const lengths: number[] = [];
    for (const random of [0, 0.999]) {
      const { server } = started({ random: () => random });
      const { wanted } = await server.watch(1);
      lengths.push(wanted.timeoutSeconds);
      assert.equal(wanted.silenceMs, 150_000);
    }
    assert.deepEqual(lengths.map(Math.round), [600, 1199]);
  });

  it("ends at the signal, whatever it waits for", async () => {
    const waits: ((parts: ReturnType<typeof started>) => Promise<void>)[] = [
      async () => {},
      async ({ server }) => (await server.watch(1)).end(AWAY),
      async ({ server }) => (await server.watch(1)).send(bookmark("1", true)),
    ];
    for (const wait of waits) {
      ended = new AbortController();
      const parts = started();
      await wait(parts);
      ended.abort();
      await parts.run;
      assert.equal(await parts.pods.whenSynced(ended.signal), parts.pods.synced());
      assert.deepEqual(parts.clock.pending(), []);
    }
  });

  it("waits for the first list, or for the signal", async () => {
    const { server, pods } = started();
    const synced = pods.whenSynced(ended.signal);
    await (await server.watch(1)).send(bookmark("1", true));
    assert.equal(await synced, true);
    const never = started();
    const stopped = never.pods.whenSynced(AbortSignal.abort());
    assert.equal(await stopped, false);
  });
});
