import assert from "node:assert/strict";
import { parseJetsamReport } from "../../../agent/boot/jetsam-report.ts";
import { type PanicReport, parsePanicReport } from "../../../agent/boot/panic-report.ts";
import { jetsamText, panicText } from "./reports.ts";

const BOOT = "6CE7A0C1-3B0F-4C7E-9F6B-0A1B2C3D4E5F";
const BOOTED = 1_785_000_000;
const PANICKED = BOOTED + 3600;
const WRITTEN_MS = (PANICKED + 900) * 1000;
const TIMESTAMP = "2026-07-25 10:35:00.00 -0700";

describe("a report of a kernel panic", () => {
  const cases: readonly (readonly [what: string, text: string, report: Partial<PanicReport>])[] = [
    [
      "of Apple silicon: the boot, its begin and the panic, whenever it was written",
      panicText({ bootId: BOOT, bootedAt: BOOTED, panickedAt: PANICKED, timestamp: TIMESTAMP }),
      { bootId: BOOT, bootedAt: BOOTED * 1000, at: PANICKED * 1000 },
    ],
    [
      "without the name of its boot",
      panicText({ bootedAt: BOOTED, panickedAt: PANICKED, timestamp: TIMESTAMP }),
      { bootId: undefined, bootedAt: BOOTED * 1000, at: PANICKED * 1000 },
    ],
    [
      "in plain text, as before macOS 10.15",
      panicText({ bootedAt: BOOTED, panickedAt: PANICKED }),
      { bootedAt: BOOTED * 1000, at: PANICKED * 1000 },
    ],
    [
      "without a clock: the time of writing, with its zone",
      panicText({ timestamp: TIMESTAMP }),
      { bootedAt: undefined, at: Date.parse("2026-07-25T17:35:00Z") },
    ],
    [
      "whose clock was not set: the time of writing",
      panicText({ bootedAt: 0, panickedAt: 0, timestamp: TIMESTAMP }),
      { bootedAt: undefined, at: Date.parse("2026-07-25T17:35:00Z") },
    ],
    ["without any time: the file's own", panicText({}), { at: WRITTEN_MS }],
    ["with a time of another form: the file's own", panicText({ timestamp: "yesterday" }), { at: WRITTEN_MS }],
    ["that is empty: the file's own", "", { at: WRITTEN_MS, bootId: undefined }],
    ["that is no text", "\u0000\uFFFD{", { at: WRITTEN_MS }],
    ["with a boot of another form", "Boot session UUID: nonsense\n", { bootId: undefined }],
    [
      "that was cut off after the clock",
      panicText({ bootId: BOOT, bootedAt: BOOTED, panickedAt: PANICKED, timestamp: TIMESTAMP }).slice(0, -60),
      { bootId: BOOT, at: PANICKED * 1000 },
    ],
  ];
  for (const [what, text, expected] of cases) {
    it(what, () => {
      const report = parsePanicReport("/r/a.panic", text, WRITTEN_MS);
      assert.deepEqual({ ...report, ...expected }, report);
      assert.equal(report.path, "/r/a.panic");
    });
  }
});

describe("a report of what was ended for want of memory", () => {
  it("names those with a reason, not the largest", () => {
    const text = jetsamText(TIMESTAMP, [
      { pid: 400 },
      { pid: 401, reason: "vm-pageshortage" },
      { pid: 402, reason: "per-process-limit" },
    ]);
    assert.deepEqual(parseJetsamReport("/r/j.ips", text, 1), {
      path: "/r/j.ips",
      at: Date.parse("2026-07-25T17:35:00Z"),
      killed: [
        { pid: 401, reason: "vm-pageshortage" },
        { pid: 402, reason: "per-process-limit" },
      ],
    });
  });

  it("has the file's time where it has none of its own", () => {
    assert.equal(parseJetsamReport("/r/j.ips", jetsamText("", []), 42)?.at, 42);
  });

  const whole = jetsamText(TIMESTAMP, [{ pid: 401, reason: "highwater" }]);
  const none: readonly (readonly [what: string, text: string])[] = [
    ["is empty", ""],
    ["is one line", '{"bug_type":"298"}'],
    ["was cut off", whole.slice(0, -20)],
    ["lists no processes", '{"bug_type":"298"}\n{"largestProcess":"a"}'],
    ["lists something else", '{"bug_type":"298"}\n{"processes":[{"pid":"1"}]}'],
    ["lists a negative pid", '{"bug_type":"298"}\n{"processes":[{"pid":-1}]}'],
    ["has a reason without end", `{}\n{"processes":[{"pid":1,"reason":"${"x".repeat(101)}"}]}`],
    ["lists more than a Mac can have", `{}\n{"processes":[${Array(20_001).fill('{"pid":1}').join()}]}`],
  ];
  for (const [what, text] of none) {
    it(`is none if it ${what}`, () => assert.equal(parseJetsamReport("/r/j.ips", text, 1), undefined));
  }
});
