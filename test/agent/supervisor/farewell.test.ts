import assert from "node:assert/strict";
import { leaveSentence, stopSentence } from "../../../agent/supervisor/farewell.ts";

describe("what a person reads when the agent ends", () => {
  const pods = [
    { name: "team/chat", gracePeriodMs: 10_000 },
    { name: "team/chat", gracePeriodMs: 30_000 },
  ];

  it("has the longest grace period, and counts two pods of one service", () => {
    const sentence =
      "stopping 2 servers (team/chat, team/chat), which takes 30 s at most; a second Ctrl-C kills at once";
    assert.equal(stopSentence(pods), sentence);
    assert.equal(stopSentence([]), "ending: no server runs");
  });

  it("names what it leaves", () => {
    assert.match(leaveSentence(pods.slice(1)), /^ended, and left 1 server \(team\/chat\) running: /);
  });
});
