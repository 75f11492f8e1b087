import assert from "node:assert/strict";
import type { JetsamReport } from "../../../agent/boot/jetsam-report.ts";
import type { PanicReport } from "../../../agent/boot/panic-report.ts";
import { type Cause, causeOf, heldMessage, type RanBefore } from "../../../agent/boot/verdict.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const UNTIL = Date.parse("2026-08-09T10:00:00Z");
const ran: RanBefore = { bootId: "AAAA", pid: 401, startedAt: UNTIL - 2 * HOUR, until: UNTIL };
const panic = (part: Partial<PanicReport>): PanicReport => ({ path: "/r/p.panic", at: UNTIL, ...part });
const kill = (part: Partial<JetsamReport> = {}): JetsamReport => ({
  path: "/r/j.ips",
  at: UNTIL - HOUR,
  killed: [{ pid: 401, reason: "vm-pageshortage" }],
  ...part,
});

interface Case {
  readonly what: string;
  readonly panics?: readonly PanicReport[];
  readonly jetsams?: readonly JetsamReport[];
  readonly ran?: Partial<RanBefore>;
  /** Path of the report that holds it back; undefined: nothing does. */
  readonly report: string | undefined;
}

const P = "/r/p.panic";
const J = "/r/j.ips";
const cases: readonly Case[] = [
  { what: "a clean start, or a power cut: no report", report: undefined },
  { what: "a panic of its boot, by name", panics: [panic({ bootId: "aaaa", at: UNTIL + MINUTE })], report: P },
  {
    what: "a panic of its boot, hours after the agent was last seen",
    panics: [panic({ bootId: "AAAA", at: UNTIL + 5 * HOUR })],
    report: P,
  },
  {
    what: "a panic of another boot, by name, at the same time",
    panics: [panic({ bootId: "BBBB" })],
    report: undefined,
  },
  {
    what: "a panic two minutes after the last heartbeat, by times",
    panics: [panic({ bootedAt: UNTIL - 9 * HOUR, at: UNTIL + 2 * MINUTE })],
    report: P,
  },
  {
    what: "a panic of a later boot, by times",
    panics: [panic({ bootedAt: UNTIL + HOUR, at: UNTIL + 2 * HOUR })],
    report: undefined,
  },
  {
    what: "a panic of an earlier boot, by times",
    panics: [panic({ bootedAt: UNTIL - 9 * HOUR, at: UNTIL - 3 * HOUR })],
    report: undefined,
  },
  {
    what: "a panic before the model was seen last: another boot",
    panics: [panic({ at: UNTIL - 6 * MINUTE })],
    report: undefined,
  },
  { what: "a panic whose clock is a little behind", panics: [panic({ at: UNTIL - 4 * MINUTE })], report: P },
  {
    what: "a report without a boot, written after a night at a locked disk",
    panics: [panic({ at: UNTIL + 12 * HOUR })],
    report: P,
  },
  { what: "a report without a boot, days later", panics: [panic({ at: UNTIL + 49 * HOUR })], report: undefined },
  { what: "its process was ended for want of memory", jetsams: [kill()], report: J },
  {
    what: "another process was ended",
    jetsams: [kill({ killed: [{ pid: 9, reason: "highwater" }] })],
    report: undefined,
  },
  { what: "nobody was ended", jetsams: [kill({ killed: [] })], report: undefined },
  {
    what: "a process of that pid was ended before it began",
    jetsams: [kill({ at: UNTIL - 3 * HOUR })],
    report: undefined,
  },
  { what: "a process of that pid was ended much later", jetsams: [kill({ at: UNTIL + HOUR })], report: undefined },
  { what: "a kill that a starved agent saw late", jetsams: [kill({ at: UNTIL + 14 * MINUTE })], report: J },
  {
    what: "a kill of a server whose pid was never noted",
    ran: { pid: undefined },
    jetsams: [kill()],
    report: undefined,
  },
  {
    what: "both: the panic says more",
    panics: [panic({ bootId: "AAAA" })],
    jetsams: [kill({ at: UNTIL + MINUTE })],
    report: P,
  },
  {
    what: "two panics: the newest",
    panics: [panic({ path: "/r/old.panic", at: UNTIL }), panic({ at: UNTIL + MINUTE })],
    report: P,
  },
];

describe("whether a model ran when the machine went down", () => {
  for (const { what, panics = [], jetsams = [], ran: part = {}, report } of cases) {
    it(`${report === undefined ? "is let start" : "is held back"}: ${what}`, () => {
      assert.equal(causeOf({ ...ran, ...part }, { panics, jetsams })?.report, report);
    });
  }

  const at = Date.parse("2026-08-09T03:41:24Z");
  const messages: readonly (readonly [cause: Cause, message: string])[] = [
    [
      { kind: "panic", at, report: P },
      "it ran when this Mac panicked on 2026-08-09T03:41:24Z (report /r/p.panic): it does not start by itself; lower its memoryBudget, or let it start with pulumi-llmkube agent allow default/gemma",
    ],
    [
      { kind: "jetsam", at, report: J, reason: "vm-pageshortage" },
      "macOS ended it for want of memory on 2026-08-09T03:41:24Z (vm-pageshortage, report /r/j.ips): it does not start by itself; lower its memoryBudget, or let it start with pulumi-llmkube agent allow default/gemma",
    ],
    [
      { kind: "jetsam", at, report: J, reason: "per-process-limit" },
      "macOS ended it for want of memory on 2026-08-09T03:41:24Z (per-process-limit, report /r/j.ips): it does not start by itself; raise its memoryBudget, or let it start with pulumi-llmkube agent allow default/gemma",
    ],
  ];
  for (const [cause, message] of messages) {
    it(`says ${message.slice(0, 40)}… ${cause.reason ?? ""}`, () => {
      assert.equal(heldMessage("default/gemma", cause), message);
    });
  }
});
