import assert from "node:assert/strict";
import { type Claim, endpointClaim, objectClaim, serviceClaim, takenClaim } from "../../serving/claims.ts";

describe("what only one owner may have", () => {
  const same: ReadonlyArray<readonly [first: Claim, second: Claim, text: string]> = [
    [objectClaim("Model", "lab", "gemma"), objectClaim("Model", "lab", "gemma"), "Model lab/gemma"],
    [serviceClaim("lab", "a.b"), serviceClaim("lab", "a-b"), "Service lab/a-b"],
    [endpointClaim("localhost", 8080), endpointClaim("::1", 8080), "the endpoint [::1]:8080"],
    [endpointClaim("Mac.local.", 80), endpointClaim("mac.local", 80), "the endpoint mac.local:80"],
  ];
  for (const [first, second, text] of same) {
    it(`is ${text}`, () => {
      const holders = new Map([[first.key, "urn:a"]]);
      assert.deepEqual(takenClaim(holders, [second], "urn:b"), { claim: second, holder: "urn:a" });
      assert.equal(second.text, text);
      assert.equal(takenClaim(holders, [second], "urn:a"), undefined);
    });
  }

  const different: ReadonlyArray<readonly [first: Claim, second: Claim]> = [
    [objectClaim("Model", "lab", "gemma"), objectClaim("Model", "default", "gemma")],
    [objectClaim("Model", "lab", "gemma"), objectClaim("InferenceService", "lab", "gemma")],
    [endpointClaim("localhost", 8080), endpointClaim("localhost", 8081)],
    [endpointClaim("localhost", 8080), endpointClaim("mac.local", 8080)],
  ];
  for (const [first, second] of different) {
    it(`tells ${first.text} from ${second.text}`, () => {
      assert.equal(takenClaim(new Map([[first.key, "urn:a"]]), [second], "urn:b"), undefined);
    });
  }
});
