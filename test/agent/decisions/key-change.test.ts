import assert from "node:assert/strict";
import { type KeyUser, nextKeyChange } from "../../../agent/decisions/key-change.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";

const user = (name: string, part: Partial<KeyUser> = {}): KeyUser => ({
  ...{ id: workloadId(name), name, oldKeys: false, restarting: false },
  ...part,
});
const old = (name: string) => user(name, { oldKeys: true });
const restarting = (name: string) => user(name, { restarting: true });

describe("servers whose API keys changed", () => {
  const cases: readonly (readonly [
    what: string,
    users: readonly KeyUser[],
    restart: string | undefined,
    waitsFor: string | undefined,
  ])[] = [
    ["none runs", [], undefined, undefined],
    ["all have the keys of now", [user("a"), user("b")], undefined, undefined],
    ["the first by name restarts, the others wait for it", [old("b"), old("a")], "a", "a"],
    ["one restarts: nobody else does", [restarting("b"), old("a"), old("c")], undefined, "b"],
    ["the one before is Ready again: the next restarts", [user("a"), old("b")], "b", "b"],
  ];
  for (const [what, users, restart, waitsFor] of cases) {
    it(what, () => {
      const change = nextKeyChange(users);
      assert.deepEqual([change.restart, change.waitsFor], [restart, waitsFor]);
    });
  }
});
