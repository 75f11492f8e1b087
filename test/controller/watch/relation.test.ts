import assert from "node:assert/strict";
import { relation } from "../../../controller/watch/relation.ts";

describe("which services name which Models", () => {
  it("is known both ways, and forgotten with the service", () => {
    const models = relation();
    models.set("x/a", ["x/one", "x/draft"]);
    models.set("x/b", ["x/one"]);
    assert.deepEqual([...models.keysOf("x/one")], ["x/a", "x/b"]);
    models.set("x/a", ["x/two"]);
    assert.deepEqual([...models.keysOf("x/one")], ["x/b"]);
    assert.deepEqual([...models.keysOf("x/draft")], []);
    models.remove("x/b");
    assert.deepEqual([...models.keysOf("x/one")], []);
    assert.deepEqual([...models.keysOf("x/two")], ["x/a"]);
  });
});
