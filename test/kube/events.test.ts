import assert from "node:assert/strict";
import { type EventNote, eventObject, seriesKey } from "../../kube/events/event.ts";
import { eventRecorder } from "../../kube/events/recorder.ts";
import { failed } from "../../kube/failure.ts";
import { fakeClock, settle } from "./support/fake-clock.ts";
import { standInObjects } from "./support/stand-in-objects.ts";

const NOTE: EventNote = {
  regarding: { apiVersion: "v1", kind: "Pod", namespace: "ns", name: "llama", uid: "u" },
  type: "Warning",
  reason: "OverBudget",
  action: "Start",
  note: "It needs 8 GiB.",
};
const BY = { controller: "llmkube.dev/test", instance: "test-1" };

describe("kube: events", () => {
  const ended = new AbortController();
  after(() => ended.abort());

  function recording() {
    const clock = fakeClock();
    const server = standInObjects();
    const said: string[] = [];
    const recorder = eventRecorder({ ...BY, client: server.client, clock, report: (message) => said.push(message) });
    const run = recorder.run(ended.signal);
    const written = () => [...server.objects.values()];
    return { clock, server, said, recorder, run, written };
  }

  it("writes an event as events.k8s.io/v1 has it", async () => {
    const { recorder, written } = recording();
    recorder.record(NOTE);
    await settle();
    const [event] = written();
    assert.match(event?.metadata.name ?? "", /^llama\.[0-9a-f]{16}$/);
    assert.deepEqual(
      { ...event, metadata: event?.metadata.namespace },
      {
        apiVersion: "events.k8s.io/v1",
        kind: "Event",
        metadata: "ns",
        eventTime: "2026-01-01T00:00:00.000000Z",
        reportingController: "llmkube.dev/test",
        reportingInstance: "test-1",
        type: "Warning",
        reason: "OverBudget",
        action: "Start",
        note: "It needs 8 GiB.",
        regarding: NOTE.regarding,
      },
    );
  });

  it("makes a series of the same within 6 min, written once a minute at most", async () => {
    const { clock, server, recorder, written } = recording();
    for (let second = 0; second < 120; second += 1) {
      recorder.record(NOTE);
      await clock.advance(1000);
    }
    await clock.advance(60_000);
    assert.equal(written().length, 1);
    assert.deepEqual(written()[0]?.["series"], { count: 120, lastObservedTime: "2026-01-01T00:02:00.000000Z" });
    assert.deepEqual(server.requests, ["create", "patch", "patch"]);
  });

  it("writes another event for the same after 6 min", async () => {
    const { clock, recorder, written } = recording();
    recorder.record(NOTE);
    await clock.advance(361_000);
    recorder.record(NOTE);
    await clock.advance(1000);
    assert.equal(written().length, 2);
    assert.equal(
      written().some((event) => "series" in event),
      false,
    );
  });

  const others: readonly [string, Partial<EventNote>][] = [
    ["object", { regarding: { ...NOTE.regarding, name: "other" } }],
    ["object of the same name", { regarding: { ...NOTE.regarding, uid: "v" } }],
    ["reason", { reason: "Evicted" }],
    ["type", { type: "Normal" }],
    ["sentence", { note: "It needs 9 GiB." }],
  ];
  for (const [what, more] of others) {
    it(`writes an event of its own for another ${what}`, async () => {
      const { recorder, written } = recording();
      recorder.record(NOTE);
      recorder.record({ ...NOTE, ...more });
      await settle();
      assert.equal(written().length, 2);
      assert.notEqual(seriesKey(NOTE), seriesKey({ ...NOTE, ...more }));
    });
  }

  it("tries again while the server is away, and then writes how often it was", async () => {
    const { clock, server, recorder, written, said } = recording();
    server.state.failure = failed("unavailable", "it is away");
    recorder.record(NOTE);
    await settle();
    recorder.record(NOTE);
    server.state.failure = undefined;
    await clock.advance(120_000);
    assert.equal(JSON.stringify(written()[0]?.["series"]).includes(`"count":2`), true);
    assert.deepEqual(said, ["an event cannot be written: it is away"]);
  });

  it("makes an event anew that has expired on the server", async () => {
    const { clock, server, recorder, written } = recording();
    recorder.record(NOTE);
    await settle();
    server.objects.clear();
    recorder.record(NOTE);
    await clock.advance(120_000);
    assert.equal(written().length, 1);
  });

  for (const kind of ["forbidden", "invalid", "not-found"] as const) {
    it(`leaves an event out that is ${kind}, and says so`, async () => {
      const { clock, server, recorder, said } = recording();
      server.state.failure = failed(kind, "it may not be");
      recorder.record(NOTE);
      await clock.advance(600_000);
      assert.deepEqual(server.requests, ["create"]);
      assert.equal(recorder.dropped(), 1);
      assert.deepEqual(said, ["an event is left out: it may not be"]);
    });
  }

  it("gives an event up after many failures", async () => {
    const { clock, server, recorder } = recording();
    server.state.failure = failed("unavailable", "it is away");
    recorder.record(NOTE);
    await clock.advance(3 * 3_600_000);
    assert.equal(recorder.dropped(), 1);
    assert.equal(server.requests.length, 10);
  });

  it("writes 25 different events about one object, and then one in 5 min", async () => {
    const { clock, recorder, written } = recording();
    const record = (number: number) => recorder.record({ ...NOTE, note: `It needs ${number} GiB.` });
    for (let number = 0; number < 100; number += 1) record(number);
    await settle();
    await clock.advance(1000);
    assert.equal(written().length, 25);
    assert.equal(recorder.dropped(), 75);
    await clock.advance(300_000);
    record(200);
    record(201);
    await clock.advance(1000);
    assert.equal(written().length, 26);
  });

  it("remembers no more than a thousand events", async () => {
    const { server, recorder } = recording();
    server.state.late = new Promise(() => {});
    for (let number = 0; number < 1500; number += 1) {
      recorder.record({ ...NOTE, regarding: { ...NOTE.regarding, name: `pod-${number}` } });
    }
    assert.equal(recorder.dropped(), 500);
  });

  it("cuts a sentence at 1024 bytes, between characters", () => {
    for (let length = 1015; length < 1030; length += 1) {
      const { note } = eventObject({ ...NOTE, note: `${"x".repeat(length)}ééé` }, BY, "1", 0) as unknown as {
        note: string;
      };
      assert(Buffer.byteLength(note) <= 1024);
      assert(!note.includes("\uFFFD"));
    }
  });

  it("writes events about objects of the cluster in default", () => {
    const { namespace: _, ...node } = { ...NOTE.regarding, kind: "Node", name: "mac-1" };
    assert.equal(eventObject({ ...NOTE, regarding: node }, BY, "1", 0).metadata.namespace, "default");
  });
});
