import assert from "node:assert/strict";
import { type Entry, newEntry } from "../../../agent/supervisor/entry.ts";
import { prepareEntry } from "../../../agent/supervisor/prepare-entry.ts";
import type { Preparation } from "../../../agent/workload/prepare.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { aWorkload, fields } from "../samples.ts";

const READY: Preparation = { stage: "ready", paths: { model: "/m" }, estimateBytes: 100, estimateParts: {} };
const READING: Preparation = { stage: "reading", message: "reading" };

describe("what a start needs", () => {
  let asked: number;
  let found: Preparation;
  let entry: Entry;
  beforeEach(() => {
    asked = 0;
    found = READY;
    entry = newEntry(workload.id, "default/chat");
  });
  const workload = aWorkload();
  const preparer = {
    prepare: () => {
      asked += 1;
      return found;
    },
    keepOnly: () => {},
  };
  const prepare = (now: number, one: Workload = workload) =>
    prepareEntry(entry, { kind: "run", workload: one }, preparer, now);
  /** Only what is looked at here. */
  const runs = (phase: "ready" | "starting" | "stopping", apiKeyFile?: string) =>
    Object.assign(entry, { running: { phase, started: { fields: { ...fields, apiKeyFile } } } });

  it("is looked at every five seconds while the server is Ready: nothing is decided by it", () => {
    runs("ready");
    const stages = [0, 1000, 4999, 5000, 5001].map((now) => [prepare(now)?.stage, asked]);
    assert.deepEqual(stages, [
      ["ready", 1],
      ["ready", 1],
      ["ready", 1],
      ["ready", 2],
      ["ready", 2],
    ]);
    assert.equal(entry.need?.estimateBytes, 100);
  });

  const always: readonly (readonly [what: string, begin: () => void])[] = [
    ["nothing runs", () => {}],
    ["the server starts", () => runs("starting")],
    ["the server stops", () => runs("stopping")],
    ["the server may have to restart with other keys", () => runs("ready", "/keys")],
    [
      "the last look was not complete",
      () => {
        runs("ready");
        found = READING;
      },
    ],
  ];
  for (const [what, begin] of always) {
    it(`is looked at each time where ${what}`, () => {
      begin();
      for (const now of [0, 1, 2]) prepare(now);
      assert.equal(asked, 3);
    });
  }

  it("is looked at anew for another workload, such as one with another budget", () => {
    runs("ready");
    prepare(0);
    prepare(1, aWorkload());
    assert.equal(asked, 2);
  });

  it("is nothing for what should not run", () => {
    const stopped = { kind: "stopped", name: "default/chat", message: "" } as const;
    assert.equal(prepareEntry(entry, stopped, preparer, 0), undefined);
    assert.equal(asked, 0);
  });
});
