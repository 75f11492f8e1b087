import assert from "node:assert/strict";
import { type AnswerHeaders, retryAfterMs } from "../../fetch/retry-after.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const DAY = 24 * 3_600_000;

describe("how long an answer asks to wait", () => {
  const cases: ReadonlyArray<readonly [name: string, headers: AnswerHeaders, wait: number | undefined]> = [
    ["nothing", {}, undefined],
    ["seconds", { "retry-after": "3600" }, 3_600_000],
    ["no wait at all", { "retry-after": "0" }, 0],
    ["a date", { "retry-after": "Sun, 01 Mar 2026 12:00:30 GMT" }, 30_000],
    ["a date that is over", { "retry-after": "Sun, 01 Mar 2026 11:00:00 GMT" }, 0],
    [
      "a date of a server whose clock is an hour behind ours",
      { date: "Sun, 01 Mar 2026 11:00:00 GMT", "retry-after": "Sun, 01 Mar 2026 11:00:30 GMT" },
      30_000,
    ],
    ["more than a day", { "retry-after": "99999999" }, DAY],
    ["more than a number holds", { "retry-after": "9".repeat(400) }, DAY],
    ["a fraction", { "retry-after": "1.5" }, undefined],
    ["less than nothing", { "retry-after": "-5" }, undefined],
    ["words", { "retry-after": "soon, on day 5" }, undefined],
    ["twice", { "retry-after": ["7", "8"] }, 7000],
    ["the hub's own header", { ratelimit: '"resolvers";r=0;t=9', "ratelimit-policy": '"fixed";q=3000;w=300' }, 9000],
    ["Retry-After before the hub's own header", { "retry-after": "2", ratelimit: '"resolvers";r=0;t=9' }, 2000],
    ["a limit with something left", { ratelimit: '"resolvers";r=12;t=9' }, undefined],
    ["the longest of the limits that are used up", { ratelimit: '"a";r=0;t=9, "b";r=0;t=30, "c";r=1;t=90' }, 30_000],
    ["limits in two headers", { ratelimit: ['"a";r=0;t=9', '"b";r=0;t=30'] }, 30_000],
    ["the earlier draft", { ratelimit: "limit=100, remaining=0, reset=50" }, 50_000],
    ["the earlier draft with something left", { ratelimit: "limit=100, remaining=3, reset=50" }, undefined],
    ["headers of their own", { "ratelimit-remaining": "0", "ratelimit-reset": "50" }, 50_000],
    ["headers of their own with something left", { "ratelimit-remaining": "1", "ratelimit-reset": "50" }, undefined],
    ["a time since 1970", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(NOW / 1000 + 40) }, 40_000],
    ["a time since 1970 that is over", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1500000000" }, 0],
    ["nonsense", { ratelimit: "t=;r=0", "ratelimit-reset": "x", "ratelimit-remaining": "0" }, undefined],
  ];
  for (const [name, headers, wait] of cases) {
    it(`${name}: ${wait} ms`, () => assert.equal(retryAfterMs(headers, NOW), wait));
  }

  /** A 429 says that nothing is left. */
  const busy: ReadonlyArray<readonly [name: string, headers: AnswerHeaders, wait: number | undefined]> = [
    ["a list that does not say what is left", { ratelimit: '"default";t=8' }, 8000],
    ["a dictionary that does not", { ratelimit: "limit=100, reset=8" }, 8000],
    ["a dictionary in another order", { ratelimit: "reset=8, remaining=0, limit=100" }, 8000],
    ["a limit with something left, which is not the one", { ratelimit: '"a";r=5;t=90, "b";r=0;t=8' }, 8000],
    ["one header alone", { "x-ratelimit-reset": "8" }, 8000],
    ["parts of a second", { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "8.25" }, 8000],
    ["a time in milliseconds", { "x-ratelimit-reset": String(NOW + 8000) }, 8000],
    ["one header with something left", { "ratelimit-remaining": "5", "ratelimit-reset": "8" }, undefined],
    ["nothing", {}, undefined],
  ];
  for (const [name, headers, wait] of busy) {
    it(`of a 429, ${name}: ${wait} ms`, () => assert.equal(retryAfterMs(headers, NOW, 429), wait));
  }

  it("of a 403 nothing where its headers do not say that a limit is used up", () => {
    assert.equal(retryAfterMs({ "x-ratelimit-reset": "8", ratelimit: '"a";t=8' }, NOW, 403), undefined);
  });
});
