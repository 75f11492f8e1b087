import assert from "node:assert/strict";
import { failureText, lockIn } from "../../../cli/deploy/failures.ts";

// What Pulumi 3.259 says.
const LOCKED =
  "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.\n" +
  "  file:///s/.pulumi/locks/organization/p/s/1.json: created by me@mac.local (pid 42) at 2026-11-26T21:00:00Z";

describe("a failure of Pulumi", () => {
  const cases: readonly (readonly [said: string, sentence: RegExp])[] = [
    [LOCKED, /^the stack is locked by me@mac\.local \(pid 42\) since 2026-11-26T21:00:00Z: wait until/],
    ["[409] Conflict: Another update is currently in progress.", /^the stack is locked by another run: wait/],
    [
      "error: getting secrets manager: passphrase: incorrect passphrase",
      /^the passphrase is not the one .*PULUMI_CONFIG_PASSPHRASE/,
    ],
    [
      "error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions",
      /^Pulumi is not logged in .*pulumi login/,
    ],
    [
      'error: unable to open state directory "file:///no": stat /no: no such file or directory',
      /^Pulumi cannot use the backend of PULUMI_BACKEND_URL \(.*\/no/,
    ],
    [
      "no analyzer plugin 'pulumi-analyzer-policy-nodejs' found in the workspace or on your $PATH",
      /^Pulumi's language host for Node\.js is missing/,
    ],
    [
      "error: no resource plugin 'pulumi-resource-kubernetes' found",
      /^Pulumi's plugin kubernetes is missing .*pulumi plugin install resource kubernetes/,
    ],
    [
      "Minimum version requirement failed. The minimum CLI version requirement is 3.1.0, your current CLI version is 2.9.9. Please",
      /^the Pulumi CLI is of version 2\.9\.9, and 3\.1\.0 or newer is needed/,
    ],
    ["code: 255\n stdout: \n stderr: error: something new\n err?: \n", /^Pulumi failed: something new$/],
  ];
  for (const [said, sentence] of cases) {
    it(`is one sentence: ${said.slice(0, 60).replaceAll("\n", " ")}`, () => {
      assert.match(failureText(said), sentence);
      assert.doesNotMatch(failureText(said), /\n/);
    });
  }

  it("names whose lock it is", () => {
    assert.deepEqual(lockIn(LOCKED), {
      who: "me@mac.local",
      host: "mac.local",
      pid: 42,
      since: "2026-11-26T21:00:00Z",
    });
    assert.equal(lockIn("error: incorrect passphrase"), undefined);
  });
});
