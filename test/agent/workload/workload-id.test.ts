import assert from "node:assert/strict";
import fc from "fast-check";
import { fileNameOf, workloadId } from "../../../agent/workload/workload-id.ts";

describe("the file name of a workload", () => {
  it("is what a person knows it by", () => {
    assert.equal(fileNameOf(workloadId("default/llama-3.1")), "default_llama-3.1");
    assert.equal(
      fileNameOf(workloadId("5f8a1c9e-0b1d-4a57-9d0e-000000000001")),
      "5f8a1c9e-0b1d-4a57-9d0e-000000000001",
    );
  });

  it("leaves room in 255 bytes for endings, and is another one for another long name", () => {
    const [one, other] = ["a", "b"].map((end) => fileNameOf(workloadId(`${"n".repeat(63)}/${"m".repeat(252)}${end}`)));
    for (const name of [one, other]) assert.ok(Buffer.byteLength(name ?? "") <= 200);
    assert.notEqual(one, other);
  });

  it("stays in its folder, whatever the identity is", () => {
    const ids = fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 400 }),
      fc.constantFrom(".", "..", "../x", "a/.."),
    );
    fc.assert(
      fc.property(ids, ids, (one, other) => {
        const [first, second] = [one, other].map((id) => fileNameOf(workloadId(id)));
        assert.match(first ?? "", /^[a-z0-9._-]{1,200}$/);
        assert.ok(first !== "." && first !== "..");
        assert.equal(first === second, one === other);
      }),
    );
  });
});
