import assert from "node:assert/strict";
import {
  expiredSentence,
  newestToken,
  renewInMs,
  type TokenFacts,
  tokenFacts,
  tokenRequest,
} from "../../../agent/node/token.ts";

const HOUR = 3600;
const ISSUED = Date.parse("2026-11-26T12:00:00Z") / 1000;
const CLAIMS = {
  iss: "https://kubernetes.default.svc",
  sub: "system:serviceaccount:pulumi-llmkube:mac-mac-1",
  aud: ["https://kubernetes.default.svc"],
  iat: ISSUED,
  exp: ISSUED + 24 * HOUR,
};

function token(changes: Record<string, unknown> = {}): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "RS256" })}.${part({ ...CLAIMS, ...changes })}.c2lnbmF0dXJl`;
}

function factsOf(text: string): TokenFacts {
  const facts = tokenFacts(text);
  assert(facts !== undefined);
  return facts;
}

describe("the token of a Mac's ServiceAccount", () => {
  it("says whose it is, and from when until when", () => {
    assert.deepEqual(tokenFacts(token()), {
      issuer: CLAIMS.iss,
      namespace: "pulumi-llmkube",
      account: "mac-mac-1",
      audiences: CLAIMS.aud,
      issuedAt: ISSUED,
      expiresAt: ISSUED + 24 * HOUR,
    });
    assert.deepEqual(tokenFacts(token({ aud: "one" }))?.audiences, ["one"]);
  });

  const none: readonly (readonly [what: string, text: string])[] = [
    ["no JWT", "abc"],
    ["one without JSON", "a.b.c"],
    ["one of a person", token({ sub: "ada" })],
    ["one that never expires", token({ exp: undefined })],
    ["one that expired before it was issued", token({ exp: ISSUED })],
    ["nothing", ""],
  ];
  for (const [what, text] of none)
    it(`is nothing that renews itself: ${what}`, () => assert.equal(tokenFacts(text), undefined));

  const later = token({ iat: ISSUED + HOUR });
  const choices: readonly (readonly [
    what: string,
    given: string,
    kept: string | undefined,
    chosen: "given" | "kept",
  ])[] = [
    ["the kept one that was issued later", token(), later, "kept"],
    ["the one of a kubeconfig that a person has renewed", later, token(), "given"],
    ["the given one where none was kept", token(), undefined, "given"],
    [
      "the given one where the kept one is of another Mac",
      token(),
      token({ iat: ISSUED + 1, sub: `${CLAIMS.sub}2` }),
      "given",
    ],
    [
      "the given one where the kept one is of another cluster",
      token(),
      token({ iat: ISSUED + 1, iss: "https://b" }),
      "given",
    ],
    ["the given one where it is no ServiceAccount's", "secret", later, "given"],
    ["the given one where the kept one cannot be read", token(), "x", "given"],
  ];
  for (const [what, given, kept, chosen] of choices) {
    it(`is ${what}`, () => assert.equal(newestToken(given, kept), chosen === "given" ? given : kept));
  }

  const now = ISSUED * 1000;
  const hours = (count: number) => count * HOUR * 1000;
  const due: readonly (readonly [what: string, ageMs: number | undefined, now: number, due: number])[] = [
    ["16 hours after it was given", 0, now, hours(16)],
    ["at two thirds of its life", hours(16), now, 0],
    ["by its age in use, whatever the clock on the wall says", hours(1), now + hours(1000), hours(15)],
    ["by the clock on the wall, where an earlier agent got it", undefined, now + hours(6), hours(10)],
    ["at once where the clock on the wall is before it was issued", undefined, now - hours(1), 0],
    ["at once where it has expired by that clock", undefined, now + hours(30), 0],
  ];
  for (const [what, ageMs, at, expected] of due) {
    it(`renews itself ${what}`, () => assert.equal(Math.round(renewInMs(factsOf(token()), ageMs, at)), expected));
  }

  it("asks for one of the same life, for the same readers", () => {
    assert.deepEqual(tokenRequest(factsOf(token())).spec, { audiences: CLAIMS.aud, expirationSeconds: 24 * HOUR });
  });
  it("says what to do where it has expired, and never what it is", () => {
    const sentence = expiredSentence(factsOf(token()), "https://10.0.0.1:6443");
    assert.match(
      sentence,
      /good until 2026-11-27T12:00Z.*new kubeconfig of LlmNode.*kubectl create token mac-mac-1 -n pulumi-llmkube/,
    );
    assert(!sentence.includes(token().slice(0, 10)));
  });
});
