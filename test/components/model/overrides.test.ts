import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { merged } from "../../../components/model/overrides.ts";
import { Pending, registered } from "../mocked.ts";

describe("an override of a spec", () => {
  const cases: readonly [what: string, spec: unknown, override: unknown, result: unknown][] = [
    ["of nothing changes nothing", { a: 1 }, undefined, { a: 1 }],
    ["adds a field", { a: 1 }, { b: 2 }, { a: 1, b: 2 }],
    ["wins over an argument", { a: 1 }, { a: 2 }, { a: 2 }],
    [
      "keeps what stands beside it at every depth",
      { a: { b: { c: 1, d: 2 } } },
      { a: { b: { c: 3 } } },
      { a: { b: { c: 3, d: 2 } } },
    ],
    ["makes the objects that it needs", {}, { a: { b: 1 } }, { a: { b: 1 } }],
    ["makes an object where none was given", { a: undefined }, { a: { b: 1 } }, { a: { b: 1 } }],
    ["replaces a list", { a: [1, 2] }, { a: [3] }, { a: [3] }],
    ["that is null is absent", { a: 1, b: { c: 1 } }, { a: null, b: { c: null } }, { a: 1, b: { c: 1 } }],
    ["keeps false and 0", { a: true, b: 1 }, { a: false, b: 0 }, { a: false, b: 0 }],
  ];
  for (const [what, spec, override, result] of cases) {
    it(what, () => assert.deepEqual(merged(spec, override), result));
  }

  it("takes outputs, on either side and at every depth", async () => {
    const { outputs } = await registered(() =>
      pulumi.output([
        merged({ a: 1, b: { c: 1 } }, { b: { d: pulumi.output(2) } }),
        merged({ a: 1, b: { c: 1 } }, pulumi.output({ b: { d: 2 } })),
        merged({ a: 1, b: pulumi.output({ c: 1 }) }, { b: { d: 2 } }),
        merged({ a: 1, b: { c: 1 } }, { b: Promise.resolve({ d: 2 }) }),
      ]),
    );
    assert.deepEqual(outputs, Array(4).fill({ a: 1, b: { c: 1, d: 2 } }));
  });

  it("leaves what is not touched by a value that is not known yet", async () => {
    await registered(() => {
      const spec = merged({ a: 1, b: { c: 1 } }, { b: { d: new Pending("late").value } }) as {
        a: number;
        b: { c: number };
      };
      assert.equal(spec.a, 1);
      assert.equal(spec.b.c, 1);
      return "";
    }, "preview");
  });
});
