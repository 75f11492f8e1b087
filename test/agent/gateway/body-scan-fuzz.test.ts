import assert from "node:assert/strict";
import fc from "fast-check";
import { type BodyScanner, bodyScanner, type ScanState } from "../../../agent/gateway/body-scan.ts";
import { jsonScanner } from "../../../agent/gateway/json-scan.ts";

const FUZZ_SECONDS = Math.min(Number(process.env["FUZZ_SECONDS"] ?? 5), 3600);
const LIMITS = { numRuns: 1e9, interruptAfterTimeLimit: FUZZ_SECONDS * 300, markInterruptAsFailure: false };

/** Feeds chunks of these sizes, over and over, and holds that what was said once is said to the end. */
function scanned(scanner: BodyScanner, body: Buffer, sizes: readonly number[]): ScanState {
  let wrong: ScanState | undefined;
  for (let at = 0, turn = 0; at < body.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    const state = scanner.take(body.subarray(at, at + size));
    if (wrong !== undefined) assert.deepEqual(state, wrong);
    if (state.kind === "wrong") wrong = state;
    at += size;
  }
  const end = scanner.end();
  assert.ok(wrong === undefined || end === wrong || end.kind === "wrong");
  return end;
}

const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 8 });
/** Keys and texts with all that must not confuse a scan. */
const text = fc.oneof(
  fc.constantFrom("model", "stream", '"model":"x"', "\\", '\\"', "}", "é😀\u0000\n", "\\u006dodel"),
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 60, maxLength: 200 }),
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    text,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(true, false, null),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }),
  ),
}));

/** One of the ways in which JSON can spell a text. */
function spelled(plain: string, escapes: readonly boolean[]): string {
  const units = Array.from({ length: plain.length }, (_, at) => plain.charCodeAt(at));
  const hex = (unit: number) => `\\u${unit.toString(16).padStart(4, "0")}`;
  const isWhole = (at: number) => !/[\ud800-\udfff]/.test(plain.charAt(at));
  return `"${units
    .map((unit, at) =>
      escapes[at % escapes.length] && isWhole(at)
        ? hex(unit)
        : isWhole(at)
          ? JSON.stringify(plain[at]).slice(1, -1)
          : hex(unit),
    )
    .join("")}"`;
}

const member = fc
  .tuple(
    fc.oneof(fc.constantFrom("model", "stream", "messages"), text),
    fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom<unknown>("gemma", true, false, null) },
      { weight: 2, arbitrary: value },
    ),
    fc.array(fc.boolean(), { minLength: 1, maxLength: 9 }),
    fc.constantFrom("", " ", "\r\n\t"),
  )
  .map(([key, of, escapes, white]) => ({
    key,
    text: `${white}${spelled(key, escapes)}${white}:${white}${typeof of === "string" ? spelled(of, escapes) : JSON.stringify(of)}${white}`,
  }));

describe("the scan of any body", function () {
  this.timeout(FUZZ_SECONDS * 1000 + 30_000);

  it("finds in valid JSON what JSON.parse finds, unless a key stands twice or has a wrong type", () => {
    let found = 0;
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), sizes, (members, cuts) => {
        const body = `{${members.map((one) => one.text).join(",")}}`;
        const { model, stream } = JSON.parse(body) as { readonly model?: unknown; readonly stream?: unknown };
        const isTwice = ["model", "stream"].some((name) => members.filter(({ key }) => key === name).length > 1);
        const isTyped =
          typeof model === "string" &&
          model !== "" &&
          (stream === undefined || stream === null || typeof stream === "boolean");
        const state = scanned(jsonScanner(), Buffer.from(body), cuts);
        if (isTwice || !isTyped) return assert.equal(state.kind, "wrong", body);
        found += 1;
        return assert.deepEqual(state, { kind: "found", model, stream: stream === true }, body);
      }),
      LIMITS,
    );
    assert.ok(found > 10, `${found} were found`);
  });

  it("finds in a broken body nothing that JSON.parse would not find", () => {
    const change = fc.tuple(fc.nat(), fc.constantFrom('"', "\\", "{", "}", "[", "]", ",", ":", "m", "0", ""));
    fc.assert(
      fc.property(
        fc.array(member, { maxLength: 4 }),
        fc.array(change, { maxLength: 3 }),
        sizes,
        (members, changes, cuts) => {
          let body = `{"model":"gemma",${members.map((one) => one.text).join(",")}}`;
          for (const [at, put] of changes)
            body = body.slice(0, at % body.length) + put + body.slice((at % body.length) + 1);
          const state = scanned(jsonScanner(), Buffer.from(body), cuts);
          const parsed = parsedOrUndefined(body);
          // What neither takes, or only the scan, the server refuses.
          if (state.kind !== "found" || parsed === undefined) return;
          assert.deepEqual([state.model, state.stream], [parsed.model, parsed.stream ?? false], body);
        },
      ),
      LIMITS,
    );
  });

  it("reads a form the same however it is cut", () => {
    const type = "multipart/form-data; boundary=-x";
    const piece = fc.constantFrom("\r\n", "--", "-x", "\r\n---x\r\n", "model", "true", "é", "\r", "-");
    const part = fc
      .tuple(
        fc.constantFrom("model", "stream", "file"),
        fc.oneof(
          fc.constantFrom("a", "true"),
          fc.array(piece).map((all) => all.join("")),
        ),
      )
      .map(([name, content]) => `---x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`);
    fc.assert(
      fc.property(fc.array(part, { maxLength: 4 }), sizes, (parts, cuts) => {
        const body = Buffer.from(`${parts.join("")}---x--`);
        const [whole, cut] = [bodyScanner(type), bodyScanner(type)];
        assert(whole.ok && cut.ok);
        assert.deepEqual(scanned(cut.value, body, cuts), scanned(whole.value, body, [body.length]));
      }),
      LIMITS,
    );
  });

  it("passes over what is long in linear time", () => {
    const long = [
      `{"x":"${"iVBORw0K".repeat(1_000_000)}","model":"a"}`,
      `{"x":"${'\\"'.repeat(1_000_000)}","model":"a"}`,
      `{"x":"${"\\\\".repeat(1_000_000)}","model":"a"}`,
      `{"x":[${"1,".repeat(1_000_000)}1],"model":"a"}`,
    ];
    for (const body of long) {
      const begun = performance.now();
      const state = scanned(jsonScanner(), Buffer.from(body), [65_536]);
      assert.deepEqual(state, { kind: "found", model: "a", stream: false });
      assert.ok(performance.now() - begun < 5000);
    }
  });
});

function parsedOrUndefined(body: string): { readonly model?: unknown; readonly stream?: unknown } | undefined {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
