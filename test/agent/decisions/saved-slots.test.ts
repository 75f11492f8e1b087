import assert from "node:assert/strict";
import { askOrWait } from "../../../agent/decisions/answering.ts";
import {
  isPrivate,
  isSavable,
  type Kept,
  placeFor,
  type Savable,
  type SlotSeen,
  slotsToSave,
  whyDiscarded,
  withRestored,
} from "../../../agent/decisions/saved-slots.ts";
import { GiB, MiB } from "../../../api/bytes.ts";

describe("whether the conversations of a server can be saved", () => {
  const savable: Savable = {
    ...{ wanted: undefined, mode: "chat", supported: true, unloads: true, rereads: false, auxiliary: false },
    ...{ needBytes: 900 * MiB, copyBytes: 100 * MiB, budgetBytes: GiB },
  };
  const cases: Readonly<Record<string, readonly [part: Partial<Savable>, expected: boolean]>> = {
    "they can": [{}, true],
    "its annotation says auto": [{ wanted: "auto" }, true],
    "its annotation says off": [{ wanted: "off" }, false],
    "it embeds": [{ mode: "embedding" }, false],
    "its llama-server knows no slots on disk": [{ supported: false }, false],
    "it never unloads": [{ unloads: false }, false],
    "it reads everything again all the same": [{ rereads: true }, false],
    "it has a projector or a draft model": [{ auxiliary: true }, false],
    "its budget has just enough room for the copy": [{ copyBytes: 124 * MiB }, true],
    "its budget has no room for the copy": [{ copyBytes: 125 * MiB }, false],
  };
  for (const [what, [part, expected]] of Object.entries(cases)) {
    it(`${what}: ${expected}`, () => assert.equal(isSavable({ ...savable, ...part }), expected));
  }
});

describe("the slots that are worth saving", () => {
  const slot = (id: number, cachedTokens?: number, part: Partial<SlotSeen> = {}): SlotSeen => ({
    ...{ id, cachedTokens, processing: false, task: 1 },
    ...part,
  });
  const cases: readonly (readonly [what: string, slots: readonly SlotSeen[], ids: readonly number[]])[] = [
    ["none of none", [], []],
    ["not a short one", [slot(0, 255), slot(1, 256)], [1]],
    ["the longest first", [slot(0, 300), slot(1, 5000), slot(2, 700)], [1, 2, 0]],
    ["not one that works, which would be waited for", [slot(0, 900, { processing: true }), slot(1, 300)], [1]],
    ["one that does not say how long it is, as if short", [slot(0), slot(1, 300)], [1, 0]],
    ["not one that had no request", [slot(0, undefined, { task: undefined })], []],
  ];
  for (const [what, slots, ids] of cases) {
    it(what, () =>
      assert.deepEqual(
        slotsToSave(slots).map(({ id }) => id),
        ids,
      ),
    );
  }
});

describe("a slot that was restored", () => {
  const unused: SlotSeen = { id: 1, processing: false, task: undefined, cachedTokens: undefined };
  it("has what it was given, until its first request", () => {
    const restored = new Map([[1, 500]]);
    assert.deepEqual(
      slotsToSave(withRestored([unused], restored)).map(({ cachedTokens }) => cachedTokens),
      [500],
    );
    const used = { ...unused, task: 7, cachedTokens: 2 };
    assert.deepEqual(withRestored([used], restored), [used]);
    assert.deepEqual(withRestored([unused], new Map([[0, 500]])), [unused]);
    assert.deepEqual(withRestored([unused], undefined), [unused]);
  });
  it("is not overwritten to see whether its server answers", () => {
    const shown = withRestored([unused], new Map([[1, 500]]));
    assert.equal(askOrWait({ dueAt: 0, pauseMs: 1, served: "1:-2" }, shown, true, 1).kind, "wait");
    assert.equal(askOrWait({ dueAt: 0, pauseMs: 1, served: "1:" }, [unused], true, 1).kind, "ask");
  });
});

describe("the place for saved conversations", () => {
  const kept = (key: string, mebibytes: number, savedAt: number): Kept => ({ key, bytes: mebibytes * MiB, savedAt });
  const space = { limitBytes: 1000 * MiB, kept: [], freeBytes: 50 * GiB, diskBytes: 100 * GiB };
  const some = [kept("a", 300, 3), kept("b", 300, 1), kept("c", 300, 2)];

  it("is there where nothing else is", () =>
    assert.deepEqual(placeFor(1000 * MiB, space), { kind: "fits", remove: [] }));
  it("is there beside others", () =>
    assert.deepEqual(placeFor(100 * MiB, { ...space, kept: some }), { kind: "fits", remove: [] }));
  it("is made by what was saved longest ago", () => {
    assert.deepEqual(placeFor(101 * MiB, { ...space, kept: some }), { kind: "fits", remove: ["b"] });
    assert.deepEqual(placeFor(500 * MiB, { ...space, kept: some }), { kind: "fits", remove: ["b", "c"] });
    assert.deepEqual(placeFor(1000 * MiB, { ...space, kept: some }), { kind: "fits", remove: ["b", "c", "a"] });
  });
  it("is not there for more than all may take, and nothing goes for that", () =>
    assert.deepEqual(placeFor(1001 * MiB, { ...space, kept: some }), { kind: "refused", reason: "TooLarge" }));
  it("leaves a twentieth of the disk free, and a GiB at least", () => {
    const full = { kind: "refused", reason: "DiskFull" };
    assert.deepEqual(placeFor(100 * MiB, { ...space, freeBytes: 5 * GiB }), full);
    assert.equal(placeFor(100 * MiB, { ...space, freeBytes: 5 * GiB + 100 * MiB }).kind, "fits");
    assert.deepEqual(placeFor(100 * MiB, { ...space, freeBytes: GiB, diskBytes: 10 * GiB }), full);
    assert.equal(placeFor(100 * MiB, { ...space, freeBytes: GiB + 100 * MiB, diskBytes: 10 * GiB }).kind, "fits");
  });
  it("counts what leaves as free", () => {
    const tight = { ...space, freeBytes: 5 * GiB, kept: some };
    assert.deepEqual(placeFor(300 * MiB, tight), { kind: "fits", remove: ["b"] });
  });
});

describe("whether what was saved is used", () => {
  const file = { slot: 0, name: "ab-0.slot", tokens: 300, bytes: 3000, writtenAt: 5 };
  const saved = { digest: "ab", files: [file, { ...file, slot: 1, name: "ab-1.slot" }] };
  const whole = { bytes: 3000, writtenAt: 5 };
  const found = (other: Parameters<typeof whyDiscarded>[2] extends ReadonlyMap<string, infer Found> ? Found : never) =>
    new Map([
      ["ab-0.slot", whole],
      ["ab-1.slot", other],
    ]);
  const cases: Readonly<Record<string, readonly [Parameters<typeof whyDiscarded>[2], digest: string, string?]>> = {
    "it is": [found(whole), "ab"],
    "the model, a setting or the server is another one": [found(whole), "cd", "OtherSettings"],
    "a file is gone, or no file": [found(undefined), "ab", "Damaged"],
    "a file was cut": [found({ ...whole, bytes: 2999 }), "ab", "Damaged"],
    "a file was written to": [found({ ...whole, writtenAt: 6 }), "ab", "Damaged"],
  };
  for (const [what, [files, digest, why]] of Object.entries(cases)) {
    it(`${what}: ${why ?? "used"}`, () => assert.equal(whyDiscarded(saved, digest, files), why));
  }
});

describe("whether a request keeps a conversation from being saved", () => {
  it("does where its key says so and it came since the start of the server", () => {
    assert.equal(isPrivate({ startedAt: 100, privateAt: undefined }), false);
    assert.equal(isPrivate({ startedAt: 100, privateAt: 99 }), false);
    assert.equal(isPrivate({ startedAt: 100, privateAt: 100 }), true);
    assert.equal(isPrivate({ startedAt: 100, privateAt: 5000 }), true);
  });
});
