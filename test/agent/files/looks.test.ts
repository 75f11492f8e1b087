import assert from "node:assert/strict";
import type { Stats } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { fileGate, LOOKING } from "../../../agent/files/gate.ts";
import { contentStamp, fileLooks, lookAtAll } from "../../../agent/files/looks.ts";
import { slowFiles } from "../../../agent/files/slow.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("looks at files of others", () => {
  let now: number;
  let changes: number;
  /** Paths whose look has begun, and not ended. */
  let underWay: Map<string, (stats: Stats) => void>;
  let begun: string[];
  let someStats: Stats;

  beforeEach(async () => {
    now = 0;
    changes = 0;
    underWay = new Map();
    begun = [];
    someStats = await stat(import.meta.filename);
  });

  const clock = () => now;
  /** Each look lasts until it is ended. */
  const open = () => {
    const gate = fileGate(clock);
    const changed = () => {
      changes += 1;
    };
    const hanging = (path: string) =>
      new Promise<Stats>((resolve) => {
        begun.push(path);
        assert.ok(!underWay.has(path), `two looks at ${path} at once`);
        underWay.set(path, (stats) => {
          underWay.delete(path);
          resolve(stats);
        });
      });
    return { gate, ...fileLooks(gate, changed, clock, hanging) };
  };
  const end = async (path: string, part: Partial<Stats> = {}) => {
    underWay.get(path)?.(Object.assign(Object.create(someStats), part));
    for (let turns = 0; turns < 5; turns += 1) await turn();
  };

  it("answer at once, with what was seen last, and say when something new was seen", async () => {
    const { look } = open();
    assert.deepEqual(look("/m.gguf"), { state: "looking" });
    await turn();
    await end("/m.gguf", { size: 1 });
    const first = look("/m.gguf");
    assert.deepEqual([first.state, changes, begun.length], ["found", 1, 1]);
    now += 1000;
    assert.equal(contentStamp(look("/m.gguf")), contentStamp(first), "the last one stands while the next is under way");
    await turn();
    await end("/m.gguf", { size: 1 });
    assert.deepEqual([changes, begun.length], [1, 2]);
    now += 1000;
    look("/m.gguf");
    await turn();
    await end("/m.gguf", { size: 2 });
    assert.notEqual(contentStamp(look("/m.gguf")), contentStamp(first));
    assert.equal(changes, 2);
  });

  it("are never begun twice on one path, and say after five seconds what takes long, in steps", async () => {
    const { look, gate } = open();
    for (let second = 0; second < 60; second += 1) {
      const said = look("/Volumes/x/m.gguf");
      assert.equal(said.state, "looking");
      const message = said.state === "looking" ? said.message : "";
      const step = second >= 40 ? 40 : second >= 20 ? 20 : second >= 10 ? 10 : 5;
      const sentence = `looking at /Volumes/x/m.gguf has taken more than ${step} s: its disk may be away`;
      assert.equal(message, second < 5 ? undefined : sentence);
      assert.deepEqual(slowFiles(gate), second < 5 ? [] : [sentence]);
      now += 1000;
      await turn();
    }
    assert.equal(begun.length, 1);
    await end("/Volumes/x/m.gguf");
    assert.deepEqual([look("/Volumes/x/m.gguf").state, slowFiles(gate)], ["found", []]);
  });

  it("say of what was there that it is looked at while its disk hangs", async () => {
    const { look } = open();
    look("/m.gguf");
    await turn();
    await end("/m.gguf");
    now += 1000;
    assert.equal(look("/m.gguf").state, "found");
    await turn();
    now += 5000;
    assert.equal(look("/m.gguf").state, "looking");
    await end("/m.gguf");
    assert.equal(look("/m.gguf").state, "found");
  });

  it("leave threads for other disks, however many files of one hang", async () => {
    const { look } = open();
    const away = Array.from({ length: 40 }, (_, index) => `/Volumes/away/${index}.gguf`);
    for (const path of away) look(path);
    await turn();
    assert.equal(begun.length, LOOKING.mostOnOneDisk);
    look("/Users/me/m.gguf");
    await turn();
    assert.ok(begun.includes("/Users/me/m.gguf"));
    for (let disk = 0; disk < 40; disk += 1) for (let file = 0; file < 3; file += 1) look(`/d${disk}/${file}.gguf`);
    await turn();
    assert.equal(underWay.size, LOOKING.most);
  });

  it("know a disk by its device once they have seen it, whatever the folder", async () => {
    const { look } = open();
    const paths = Array.from({ length: 10 }, (_, index) => `/models/${index}/m.gguf`);
    for (const path of paths) look(path);
    await turn();
    for (let rounds = 0; rounds < 2; rounds += 1) for (const path of paths) await end(path, { dev: 7 });
    begun.length = 0;
    now += 1000;
    for (const path of paths) look(path);
    await turn();
    assert.equal(begun.length, LOOKING.mostOnOneDisk);
  });

  it("see what was just written there, for who has written it", async () => {
    const path = join(await temporaryDirectory(), "m.gguf");
    const { look, lookNow } = fileLooks(fileGate(clock), () => {}, clock);
    await lookNow(path);
    assert.deepEqual(look(path), { state: "missing", code: "ENOENT" });
    await writeFile(path, "x");
    assert.equal(look(path).state, "missing", "it is not looked at twice within a second");
    await lookNow(path);
    assert.equal(look(path).state, "found");
  });

  it("are outstanding together until all have been answered", async () => {
    const looks = open();
    assert.deepEqual(lookAtAll(looks, []), { state: "looked", looks: [] });
    lookAtAll(looks, ["/a", "/b"]);
    await turn();
    await end("/a");
    assert.deepEqual(lookAtAll(looks, ["/a", "/b"]), { state: "looking" });
    await end("/b");
    assert.equal(lookAtAll(looks, ["/a", "/b"]).state, "looked");
  });
});
