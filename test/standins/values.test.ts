import assert from "node:assert/strict";
import rpc from "@pulumi/pulumi/runtime/rpc.js";
import {
  containsSecret,
  containsUnknown,
  OUTPUT,
  SECRET,
  SIGNATURE,
  UNKNOWN,
  unwrap,
} from "../../toolchain/standins/values.ts";

describe("values on the wire", () => {
  it("use the SDK's own constants", () => {
    assert.equal(UNKNOWN, rpc.unknownValue);
    assert.equal(SIGNATURE, rpc.specialSigKey);
    assert.equal(SECRET, rpc.specialSecretSig);
    assert.equal(OUTPUT, rpc.specialOutputValueSig);
  });

  it("are unwrapped at any depth; an output without a value is unknown", () => {
    const nested = { a: [{ [SIGNATURE]: SECRET, value: { [SIGNATURE]: OUTPUT } }], b: null };
    assert.deepEqual(unwrap(nested), { a: [UNKNOWN] });
    assert.equal(containsUnknown(nested), true);
    assert.equal(containsUnknown({ a: 1 }), false);
    assert.equal(containsSecret(nested), true);
    assert.equal(containsSecret({ a: { [SIGNATURE]: OUTPUT, value: 1, secret: true } }), true);
    assert.equal(containsSecret({ a: { [SIGNATURE]: OUTPUT, value: 1 } }), false);
  });
});
