import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { listRepository } from "../../fetch/hub-repository.ts";
import { startServer, type TestServer } from "../gguf/range-server.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const LISTING = { sha: COMMIT, siblings: [{ rfilename: "README.md" }, { rfilename: "m-Q4_0.gguf" }] };

/** A stand-in for the hub on loopback: what it answers to the question for a repository. */
describe("listRepository, against a stand-in for the hub", () => {
  let server: TestServer;
  let answer: (request: IncomingMessage, response: ServerResponse, index: number) => void;
  const outside = { HF_ENDPOINT: process.env["HF_ENDPOINT"], HF_TOKEN: process.env["HF_TOKEN"] };

  beforeEach(async () => {
    server = await startServer((...call) => answer(...call));
    process.env["HF_ENDPOINT"] = server.origin;
    process.env["HF_TOKEN"] = "hf_sesame";
  });
  afterEach(async () => {
    await server.stop();
    for (const [name, value] of Object.entries(outside)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  const sends = (status: number, body: string) => (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  };

  it("gives the commit and the files, asked for by revision and with the token", async () => {
    answer = sends(200, JSON.stringify(LISTING));
    const found = await listRepository({ repository: "org/repo", revision: "refs/pr/7" });
    assert.deepEqual(found, { ok: true, value: { commit: COMMIT, files: ["README.md", "m-Q4_0.gguf"] } });
    const [request] = server.requests;
    assert.equal(request?.url, "/api/models/org/repo/revision/refs%2Fpr%2F7");
    assert.equal(request?.headers.authorization, "Bearer hf_sesame");
  });

  it("asks again after an answer that seconds may mend", async () => {
    answer = (request, response, index) => sends(index === 0 ? 503 : 200, JSON.stringify(LISTING))(request, response);
    assert.ok((await listRepository({ repository: "org/repo" })).ok);
    assert.equal(server.requests.length, 2);
  });

  const refused: readonly [what: string, status: number, body: string, says: RegExp][] = [
    [
      "no such repository",
      404,
      "",
      /^hf:\/\/org\/repo@main: 127\.0\.0\.1:\d+ answers 404: there is no such repository, or no such revision/,
    ],
    ["no access", 401, "", /answers 401: it does not exist or needs a valid token \(HF_TOKEN/],
    ["no access without a reason", 403, "", /answers 403: access denied/],
    ["a page instead of JSON", 200, "<html>", /does not answer as the hub does: check HF_ENDPOINT/],
    ["a commit that is none", 200, JSON.stringify({ ...LISTING, sha: "main" }), /does not answer as the hub does/],
    ["an answer without end", 200, `"${"x".repeat(9 * 2 ** 20)}"`, /the answer is larger than 8388608 bytes/],
  ];
  for (const [what, status, body, says] of refused) {
    it(`fails with one sentence: ${what}`, async () => {
      answer = sends(status, body);
      const found = await listRepository({ repository: "org/repo" });
      assert.ok(!found.ok);
      assert.match(found.error, says);
      assert.ok(!found.error.includes("sesame"));
    });
  }

  it("gives up on a hub that does not answer", async () => {
    answer = () => {};
    const found = await listRepository({ repository: "org/repo" }, 200);
    assert.ok(!found.ok);
    assert.match(found.error, /did not answer within 0.2 s/);
  });

  for (const repository of ["repo", "a/b/c", "../x", "org/..", "https://hub/org", "org/re po", ""]) {
    it(`asks nobody for ${JSON.stringify(repository)}`, async () => {
      const found = await listRepository({ repository });
      assert.ok(!found.ok && /is no repository of the hub: org\/repo is expected/.test(found.error));
      assert.equal(server.requests.length, 0);
    });
  }
});
