import assert from "node:assert/strict";
import fc from "fast-check";
import { exactQuantity, formatBytes, parseQuantity } from "../../api/quantity.ts";

const MIB = 2 ** 20;

// crds.test.ts holds the same function against a real API server's CEL quantity().
describe("parseQuantity", () => {
  const bytes: ReadonlyArray<readonly [text: string, bytes: bigint]> = [
    ["24", 24n],
    ["1Gi", 1073741824n],
    ["24Gi", 25769803776n],
    ["1.5Gi", 1610612736n],
    ["24G", 24000000000n],
    ["12e6", 12000000n],
    ["12E6", 12000000n],
    ["1E", 1000000000000000000n],
    ["1e-3", 1n],
    ["100m", 1n],
    ["1500m", 2n],
    ["1n", 1n],
    ["0.1Ki", 103n],
    ["+1", 1n],
    [".5", 1n],
    ["5.", 5n],
    ["0", 0n],
    ["0e400", 0n],
    ["-8Gi", -8589934592n],
    ["9223372036854775807", 9223372036854775807n],
  ];
  for (const [text, expected] of bytes) {
    it(`${text} is ${expected} bytes`, () => assert.deepEqual(parseQuantity(text), { ok: true, value: expected }));
  }

  for (const text of [
    "",
    ".",
    "+",
    "Gi",
    "24GB",
    "24gi",
    "24 Gi",
    " 24Gi",
    "24Gi\n",
    "1_000",
    "1e",
    "1e3i",
    "NaN",
    "0x10",
    "1.2.3",
  ]) {
    it(`${JSON.stringify(text)} is no quantity`, () => {
      const parsed = parseQuantity(text);
      assert.ok(!parsed.ok);
      assert.match(
        parsed.error,
        /is not a quantity of bytes; write a number with a Kubernetes suffix, for example 24Gi$/,
      );
    });
  }

  for (const text of ["1e400", "8Ei", "9223372036854775808", "1e999999999999999999"]) {
    it(`${text} is more than 64 bits of bytes`, () => {
      const parsed = parseQuantity(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.error, /is more than 2\^63-1 bytes/);
    });
  }

  for (const text of ["16GB", "16 gb", "16g", "16gib"]) {
    it(`${text} was probably meant to be 16Gi`, () => {
      const parsed = parseQuantity(text);
      assert.ok(!parsed.ok && parsed.error.endsWith("for example 16Gi"), JSON.stringify(parsed));
    });
  }

  it("reads every whole number of bytes back exactly", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n - 1n), max: 2n ** 63n - 1n }), (value) => {
        assert.deepEqual(parseQuantity(String(value)), { ok: true, value });
      }),
    );
  });

  it("takes no longer for a text of a mebibyte", () => {
    for (const long of ["9".repeat(MIB), ` ${"9 ".repeat(MIB)}`, `1e${"9".repeat(MIB)}`, `${"0".repeat(MIB)}Gi`]) {
      const began = process.cpuUsage();
      assert.ok(!parseQuantity(long).ok);
      const { user } = process.cpuUsage(began);
      assert.ok(user < 100_000, `${user} microseconds`);
    }
  });
});

describe("formatBytes", () => {
  const shown: ReadonlyArray<readonly [bytes: number, text: string]> = [
    [0, "0 B"],
    [1000, "1000 B"],
    [1024, "1.0 KiB"],
    [1.5 * 2 ** 30, "1.5 GiB"],
    [16 * 2 ** 30, "16.0 GiB"],
  ];
  for (const [bytes, text] of shown) it(`${bytes} is ${text}`, () => assert.equal(formatBytes(bytes), text));
  it("is the same when it is asked again, also after thousands of others", () => {
    for (let mebibytes = 1; mebibytes < 3000; mebibytes += 1) formatBytes(mebibytes * MIB);
    for (const [bytes, text] of [...shown, ...shown]) assert.equal(formatBytes(bytes), text);
  });
});

describe("exactQuantity", () => {
  const cases = [
    [0n, "0"],
    [1023n, "1023"],
    [2n ** 32n, "4Gi"],
    [2n ** 32n + 1n, "4294967297"],
    [1536n * 2n ** 20n, "1536Mi"],
    [2n ** 50n, "1024Ti"],
  ] as const;
  for (const [bytes, text] of cases) it(`${bytes} is ${text}`, () => assert.equal(exactQuantity(bytes), text));
  it("is read back as the same bytes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 62n }), (bytes) => {
        assert.deepEqual(parseQuantity(exactQuantity(bytes)), { ok: true, value: bytes });
      }),
    );
  });
});
