import assert from "node:assert/strict";
import { beyondThisHost } from "../../fetch/reachable.ts";
import { readHeader } from "../../gguf/read.ts";
import { serving, small } from "../gguf/http-harness.ts";
import { sendRange } from "../gguf/range-server.ts";

describe("sources that a controller may read", () => {
  const refused = [
    ...["127.0.0.1", "127.8.9.1", "0.0.0.0", "169.254.169.254", "100.100.100.200", "224.0.0.1", "255.255.255.255"],
    ...[
      "::1",
      "::",
      "fe80::1",
      "fe80::1%eth0",
      "fd00:ec2::254",
      "::ffff:127.0.0.1",
      "::ffff:a9fe:a9fe",
      "not-an-address",
    ],
  ];
  for (const address of refused) {
    it(`refuses ${address}`, () => assert.equal(beyondThisHost(address), false));
  }
  for (const address of ["10.0.0.7", "192.168.1.5", "203.0.113.9", "2001:db8::1", "fd12:3456::1"]) {
    it(`allows ${address}`, () => assert.equal(beyondThisHost(address), true));
  }

  describe("over HTTP", () => {
    const { serve } = serving();

    for (const [what, host] of [
      ["an address", "127.0.0.1"],
      ["a name", "localhost"],
    ] as const) {
      it(`connects to no loopback server, named by ${what}`, async () => {
        const server = await serve((request, response) => sendRange(request, response, small));
        const source = `${server.origin.replace("127.0.0.1", host)}/m.gguf`;
        const header = await readHeader(source, { mayReach: beyondThisHost });
        assert.equal(!header.ok && header.kind, "unsupported");
        assert.match(
          header.ok ? "" : header.error,
          /is a loopback, link-local or metadata address: nothing is read from there/,
        );
        assert.equal(server.connections(), 0);
      });
    }

    it("follows no redirect to an address that may not be reached", async () => {
      const target = await serve((request, response) => sendRange(request, response, small));
      const first = await serve((_request, response) => {
        response.writeHead(302, { location: `${target.origin.replace("127.0.0.1", "127.0.0.2")}/m.gguf` }).end();
      });
      const mayReach = (address: string) => address === "127.0.0.1";
      const header = await readHeader(`${first.origin}/m.gguf`, { mayReach });
      assert.match(header.ok ? "" : header.error, /127\.0\.0\.2 is a loopback/);
      assert.equal(target.connections(), 0);
    });

    it("reads what may be reached", async () => {
      const server = await serve((request, response) => sendRange(request, response, small));
      const header = await readHeader(`${server.origin}/m.gguf`, { mayReach: () => true });
      assert.ok(header.ok);
    });
  });
});
