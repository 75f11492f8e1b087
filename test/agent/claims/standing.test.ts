import assert from "node:assert/strict";
import { type Claim, claimFileName, claimText, parseClaim, parseClaimName } from "../../../agent/claims/claim.ts";
import type { ClaimFile } from "../../../agent/claims/folder.ts";
import { type Behind, type Standing, standingOf } from "../../../agent/claims/standing.ts";

const KEY = "00112233445566aa";
const SELF = { uid: 501, user: "alice", bootId: "boot" };
const NOBODY: Behind = { agent: false, servers: [], stranger: false };
const AGENT: Behind = { ...NOBODY, agent: true };

const claim = (part: Partial<Claim> = {}): Claim => ({
  ...{ version: 1, bootId: "boot", pid: 42, startTime: "1", user: "bob" },
  servers: [
    { pid: 43, startTime: "2", bytes: 100 },
    { pid: 44, startTime: "3", bytes: 200 },
  ],
  pendingBytes: 50,
  grantedBytes: 320,
  ...part,
});
const file = (part: Partial<ClaimFile> = {}): ClaimFile => ({
  ...{ path: "/c/f", fileName: "f", key: KEY, pid: 42, uid: 502, claim: claim() },
  ...part,
});
const summary = (standing: Standing) => {
  if (standing.kind !== "holds") return `${standing.kind}: ${standing.sentence ?? ""}`;
  const { hold, label } = standing.other;
  return `${label}: ${hold.heldBytes} held, ${hold.pendingBytes} pending, ${hold.grantedBytes} granted`;
};

describe("what a claim counts for", () => {
  const servers = (...pids: readonly number[]): Behind => ({ ...NOBODY, servers: pids.map((pid) => ({ pid })) });
  const damaged = { claim: undefined, fault: "damaged" };
  const cases: readonly (readonly [name: string, file: ClaimFile, behind: Behind, expected: string])[] = [
    [
      "an agent that lives: all of it",
      file(),
      AGENT,
      "another agent (pid 42, user bob, id 502): 300 held, 50 pending, 320 granted",
    ],
    [
      "an agent of the same user: by that user's own name, whatever the file says",
      file({ uid: 501 }),
      AGENT,
      "another agent (pid 42, user alice): 300 held, 50 pending, 320 granted",
    ],
    [
      "a dead agent with a living server: that server",
      file(),
      servers(44),
      "servers that outlived their agent (pid 44, user bob, id 502): 200 held, 0 pending, 200 granted",
    ],
    ["a dead agent without servers: nothing", file(), NOBODY, "litter: "],
    ["another boot: nothing, whatever lives", file({ claim: claim({ bootId: "earlier" }) }), AGENT, "litter: "],
    [
      "damaged, of a living process: unknown",
      file(damaged),
      AGENT,
      "unknown: what another agent (pid 42, user id 502) holds cannot be read from /c/f (damaged): end that process, or remove the file",
    ],
    [
      "unreadable, of a living process: unknown",
      file({ claim: undefined, fault: "EACCES" }),
      AGENT,
      "unknown: what another agent (pid 42, user id 502) holds cannot be read from /c/f (EACCES): end that process, or remove the file",
    ],
    [
      "of another process than its name says: as one that is damaged",
      file({ claim: claim({ pid: 41 }) }),
      AGENT,
      "unknown: what another agent (pid 42, user bob, id 502) holds cannot be read from /c/f (damaged): end that process, or remove the file",
    ],
    [
      "damaged, and nobody stands behind it: said, and nothing",
      file(damaged),
      NOBODY,
      "litter: /c/f is damaged (damaged), and no agent stands behind it: remove it",
    ],
    ["damaged, our own, and nobody stands behind it: nothing", file({ ...damaged, uid: 501 }), NOBODY, "litter: "],
    [
      "one that names processes of others: said, and nothing",
      file(),
      { ...NOBODY, stranger: true },
      "litter: /c/f of user id 502 names processes of other users, and counts for nothing: remove it",
    ],
  ];
  for (const [name, one, behind, expected] of cases) {
    it(name, () => assert.equal(summary(standingOf(one, behind, SELF)), expected));
  }
});

describe("the text of a claim", () => {
  it("is read as it was written", () => assert.deepEqual(parseClaim(claimText(claim())), claim()));
  it("may be of a later version, with more fields", () =>
    assert.equal(parseClaim(JSON.stringify({ ...claim(), version: 7, more: {} }))?.version, 7));

  const bad: readonly (readonly [name: string, text: string])[] = [
    ["empty", ""],
    ["half of one", claimText(claim()).slice(0, 40)],
    ["null", "null"],
    ["a pid that stands for all processes", JSON.stringify(claim({ pid: -1 }))],
    ["a pid that stands for a process group", JSON.stringify(claim({ pid: 0 }))],
    ["more bytes than can be counted", JSON.stringify(claim({ pendingBytes: 2 ** 60 }))],
    ["fewer bytes than none", JSON.stringify(claim({ grantedBytes: -1 }))],
    ["a user with control characters", JSON.stringify(claim({ user: "\u001b[2J" }))],
    ["no servers", JSON.stringify({ ...claim(), servers: undefined })],
  ];
  for (const [name, text] of bad) it(`is not ${name}`, () => assert.equal(parseClaim(text), undefined));
});

describe("the name of a claim", () => {
  it("tells the key and the pid", () =>
    assert.deepEqual(parseClaimName(claimFileName({ key: KEY, pid: 42 }, "0123abcd")), { key: KEY, pid: 42 }));
  for (const name of [
    "",
    "a.json",
    `${KEY}-0-0123abcd.json`,
    `${KEY}-42.json`,
    `${KEY}-42-0123abcd.json-x.unfinished`,
  ]) {
    it(`is not ${name || "empty"}`, () => assert.equal(parseClaimName(name), undefined));
  }
});
