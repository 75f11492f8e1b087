import assert from "node:assert/strict";
import {
  ON_DEMAND_ANNOTATIONS,
  parseAliases,
  parseIdleUnload,
  parseOnDemand,
  parsePromptCache,
} from "../../api/on-demand.ts";
import type { Result } from "../../api/result.ts";

const IDLE_EXPECTED = "is no idle time: write a duration from 1s to 24h such as 10m, or never";
const ALIAS_EXPECTED =
  "is no alias: write 1 to 128 letters, digits and . _ : @ / -, which begin and end with a letter or digit";
const SLOTS_EXPECTED = "does not say whether conversations are saved: write auto or off";
const CACHE_EXPECTED = "is no prompt cache: write auto, off, or a quantity of at least 1Mi such as 2Gi";
const LONG = "x".repeat(128);

/** The value, or what is said in its place. */
function valueIn<Value>(result: Result<Value>): Value | string {
  return result.ok ? result.value : result.error;
}

describe("parseIdleUnload", () => {
  const cases: readonly (readonly [text: string, value: number | string])[] = [
    ["never", "never"],
    ["1s", 1000],
    ["1000ms", 1000],
    ["10m", 600_000],
    ["1h30m", 5_400_000],
    ["24h", 86_400_000],
    ["999ms", `"999ms" ${IDLE_EXPECTED}`],
    ["24h1ms", `"24h1ms" ${IDLE_EXPECTED}`],
    ["0", `"0" ${IDLE_EXPECTED}`],
    ["0s", `"0s" ${IDLE_EXPECTED}`],
    ["10", `"10" ${IDLE_EXPECTED}`],
    ["", `"" ${IDLE_EXPECTED}`],
    ["Never", `"Never" ${IDLE_EXPECTED}`],
    [" 10m", `" 10m" ${IDLE_EXPECTED}`],
    ["1d", `"1d" ${IDLE_EXPECTED}`],
  ];
  for (const [text, value] of cases) {
    it(JSON.stringify(text), () => assert.equal(valueIn(parseIdleUnload(text)), value));
  }
});

describe("parseAliases", () => {
  const cases: readonly (readonly [text: string, value: readonly string[] | string])[] = [
    ["gpt-4o", ["gpt-4o"]],
    ["gpt-4o,qwen2.5:7b", ["gpt-4o", "qwen2.5:7b"]],
    [" a , b ", ["a", "b"]],
    ["a,b,a", ["a", "b"]],
    ["org/repo@main:Q4_K_M", ["org/repo@main:Q4_K_M"]],
    [LONG, [LONG]],
    [
      Array.from({ length: 16 }, (_, index) => `m${index}`).join(","),
      Array.from({ length: 16 }, (_, index) => `m${index}`),
    ],
    [Array.from({ length: 17 }, (_, index) => `m${index}`).join(","), "17 aliases are too many: write at most 16"],
    ["", `"" ${ALIAS_EXPECTED}`],
    ["a,", `"" ${ALIAS_EXPECTED}`],
    ["a b", `"a b" ${ALIAS_EXPECTED}`],
    ["-a", `"-a" ${ALIAS_EXPECTED}`],
    ["a/", `"a/" ${ALIAS_EXPECTED}`],
    ["é", `"é" ${ALIAS_EXPECTED}`],
    ["a\nb", `"a\\nb" ${ALIAS_EXPECTED}`],
  ];
  for (const [text, value] of cases) {
    it(JSON.stringify(text).slice(0, 60), () => assert.deepEqual(valueIn(parseAliases(text)), value));
  }

  it("shows no more of a long one than a message has room for", () => {
    const told = valueIn(parseAliases("x".repeat(100_000)));
    assert.ok(typeof told === "string" && told.length < 400, String(told).slice(0, 500));
  });
});

describe("parsePromptCache", () => {
  const cases: readonly (readonly [text: string, value: number | string])[] = [
    ["auto", "auto"],
    ["off", "off"],
    ["2Gi", 2 ** 31],
    ["1Mi", 2 ** 20],
    ["1048576", 2 ** 20],
    ["1.5Gi", 1.5 * 2 ** 30],
    ["1G", 1e9],
    ["1048575", `"1048575" ${CACHE_EXPECTED}`],
    ["0", `"0" ${CACHE_EXPECTED}`],
    ["-1Gi", `"-1Gi" ${CACHE_EXPECTED}`],
    ["9Ei", `"9Ei" ${CACHE_EXPECTED}`],
    ["2GB", `"2GB" ${CACHE_EXPECTED}`],
    ["on", `"on" ${CACHE_EXPECTED}`],
    ["", `"" ${CACHE_EXPECTED}`],
  ];
  for (const [text, value] of cases) {
    it(JSON.stringify(text), () => assert.equal(valueIn(parsePromptCache(text)), value));
  }
});

describe("parseOnDemand", () => {
  const { idleUnload, aliases, promptCache, savedSlots } = ON_DEMAND_ANNOTATIONS;
  const nothing = { idleUnloadMs: undefined, aliases: [], promptCache: "off" };

  it("takes what is absent for what the agent says, no aliases, and no cache", () => {
    assert.deepEqual(valueIn(parseOnDemand(undefined)), nothing);
    assert.deepEqual(valueIn(parseOnDemand({ "example.com/team": "a" })), nothing);
  });

  it("reads all four", () => {
    const given = { [idleUnload]: "10m", [aliases]: "a,b", [promptCache]: "auto", [savedSlots]: "off" };
    assert.deepEqual(valueIn(parseOnDemand(given)), {
      idleUnloadMs: 600_000,
      aliases: ["a", "b"],
      promptCache: "auto",
      savedSlots: "off",
    });
  });

  it("names the annotation that it refuses", () => {
    const told = [
      [idleUnload, IDLE_EXPECTED],
      [aliases, ALIAS_EXPECTED],
      [promptCache, CACHE_EXPECTED],
      [savedSlots, SLOTS_EXPECTED],
    ] as const;
    for (const [annotation, expected] of told) {
      const result = parseOnDemand({ [annotation]: "?" });
      assert.equal(valueIn(result), `metadata.annotations["${annotation}"]: "?" ${expected}`);
    }
  });
});
