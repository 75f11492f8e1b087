import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { KubeClient, KubeFailureKind, WatchEvent } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { openKubeClient } from "../../kube/open-client.ts";
import { eventually, value } from "./support/results.ts";
import { json, kubeconfigFile, scriptedServer, statusObject } from "./support/scripted-server.ts";

const REF = { namespace: "ns", name: "x" };
const SECRET = "hunter2";

describe("kube: client", () => {
  let server: Awaited<ReturnType<typeof scriptedServer>>;
  let client: KubeClient;

  beforeEach(async () => {
    server = await scriptedServer();
    client = value(
      await openKubeClient({
        kubeconfig: await kubeconfigFile(server.url, { token: SECRET }),
        timeoutMs: 2000,
        largestBytes: 100_000,
      }),
    );
  });
  afterEach(async () => {
    await client.close();
    await server.close();
  });

  const object = { metadata: { ...REF, uid: "u", resourceVersion: "7" }, spec: {} };
  const pods = "/api/v1/namespaces/ns/pods";
  const requests: readonly [string, (client: KubeClient) => Promise<unknown>, string, string, string | undefined][] = [
    ["get", (c) => c.get(KINDS.pod, REF), "GET", `${pods}/x`, undefined],
    ["get of the cluster", (c) => c.get(KINDS.node, { name: "mac-1" }), "GET", "/api/v1/nodes/mac-1", undefined],
    [
      "get of a group",
      (c) => c.get(KINDS.model, REF),
      "GET",
      "/apis/inference.llmkube.dev/v1alpha1/namespaces/ns/models/x",
      undefined,
    ],
    [
      "list",
      (c) => c.list(KINDS.pod, { fieldSelector: "spec.nodeName=mac-1", labelSelector: "a in (b,c)", limit: 5 }),
      "GET",
      "/api/v1/pods?limit=5&labelSelector=a+in+%28b%2Cc%29&fieldSelector=spec.nodeName%3Dmac-1",
      undefined,
    ],
    [
      "list of a namespace",
      (c) => c.list(KINDS.pod, { namespace: "ns", continue: "t=" }),
      "GET",
      `${pods}?continue=t%3D`,
      undefined,
    ],
    [
      "create",
      (c) => c.create(KINDS.pod, object, { fieldManager: "m" }),
      "POST",
      `${pods}?fieldManager=m`,
      "application/json",
    ],
    [
      "apply",
      (c) => c.apply(KINDS.pod, object, { fieldManager: "m" }),
      "PATCH",
      `${pods}/x?fieldManager=m&force=true`,
      "application/apply-patch+yaml",
    ],
    [
      "apply of a status",
      (c) => c.apply(KINDS.pod, object, { fieldManager: "m", subresource: "status", force: false }),
      "PATCH",
      `${pods}/x/status?fieldManager=m&force=false`,
      "application/apply-patch+yaml",
    ],
    ["replace", (c) => c.replace(KINDS.pod, object), "PUT", `${pods}/x`, "application/json"],
    [
      "merge patch",
      (c) => c.patch(KINDS.pod, REF, {}, { type: "merge" }),
      "PATCH",
      `${pods}/x`,
      "application/merge-patch+json",
    ],
    [
      "strategic patch",
      (c) => c.patch(KINDS.pod, REF, {}, { type: "strategic", subresource: "resize" }),
      "PATCH",
      `${pods}/x/resize`,
      "application/strategic-merge-patch+json",
    ],
    [
      "JSON patch",
      (c) => c.patch(KINDS.pod, REF, [], { type: "json" }),
      "PATCH",
      `${pods}/x`,
      "application/json-patch+json",
    ],
    [
      "delete",
      (c) => c.delete(KINDS.pod, REF, { gracePeriodSeconds: 0, uid: "u" }),
      "DELETE",
      `${pods}/x`,
      "application/json",
    ],
    [
      "post of a review",
      (c) => c.post(KINDS.tokenReview, undefined, undefined, {}),
      "POST",
      "/apis/authentication.k8s.io/v1/tokenreviews",
      "application/json",
    ],
    [
      "post to a subresource",
      (c) => c.post(KINDS.serviceAccount, REF, "token", {}),
      "POST",
      "/api/v1/namespaces/ns/serviceaccounts/x/token",
      "application/json",
    ],
  ];
  for (const [name, ask, method, url, contentType] of requests) {
    it(`sends a ${name} where it belongs, as what it is`, async () => {
      await ask(client);
      assert.equal(server.requests.length, 1);
      const [request] = server.requests;
      assert.deepEqual([request?.method, request?.url, request?.headers["content-type"]], [method, url, contentType]);
      assert.equal(request?.headers.authorization, `Bearer ${SECRET}`);
      assert.equal(request?.headers["user-agent"], "pulumi-llmkube");
    });
  }

  it("deletes only the object of that uid", async () => {
    value(await client.delete(KINDS.pod, REF, { uid: "u", gracePeriodSeconds: 0, propagationPolicy: "Foreground" }));
    assert.deepEqual(JSON.parse(server.requests[0]?.body ?? ""), {
      apiVersion: "v1",
      kind: "DeleteOptions",
      gracePeriodSeconds: 0,
      propagationPolicy: "Foreground",
      preconditions: { uid: "u" },
    });
  });

  it("keeps fields that nobody knows, so that an object may be written back", async () => {
    server.answer((_request, response) =>
      json(response, 200, { metadata: { ...REF, ofTomorrow: 1 }, spec: { ofTomorrow: [2] } }),
    );
    value(await client.replace(KINDS.pod, value(await client.get(KINDS.pod, REF))));
    const sent = JSON.parse(server.requests[1]?.body ?? "");
    assert.deepEqual(sent, {
      metadata: { ...REF, ofTomorrow: 1 },
      spec: { ofTomorrow: [2] },
      apiVersion: "v1",
      kind: "Pod",
    });
  });

  it("gives items of a list the kind that the server leaves out", async () => {
    server.answer((_request, response) =>
      json(response, 200, { metadata: { resourceVersion: "9" }, items: [{ metadata: { name: "a" } }] }),
    );
    const { items } = value(await client.list(KINDS.model, {}));
    assert.deepEqual([items[0]?.apiVersion, items[0]?.kind], ["inference.llmkube.dev/v1alpha1", "Model"]);
  });

  it("makes no connection for each request, also after a pause", async () => {
    for (let i = 0; i < 100; i += 1) value(await client.get(KINDS.pod, REF));
    await sleep(50);
    value(await client.get(KINDS.pod, REF));
    assert(server.connections() <= 2, `${server.connections()} connections`);
  });

  for (const name of ["..", ".", "", "a/b", "../../secrets/x", "a b", "a%2fb", "a\nb"]) {
    it(`asks nothing about an object named ${JSON.stringify(name)}`, async () => {
      for (const ref of [
        { namespace: "ns", name },
        { namespace: name, name: "x" },
      ]) {
        const got = await client.get(KINDS.pod, ref);
        assert.equal(got.ok ? "asked" : got.kind, "invalid");
      }
      assert.equal(server.requests.length, 0);
    });
  }

  it("asks nothing about a namespaced object without a namespace", async () => {
    const got = await client.get(KINDS.pod, { name: "x" });
    assert.equal(got.ok ? "asked" : got.error, 'a Pod has a namespace, and none is named for "x"');
  });

  const failures: readonly [number, KubeFailureKind][] = [
    [400, "invalid"],
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "not-found"],
    [405, "invalid"],
    [408, "unavailable"],
    [409, "conflict"],
    [410, "gone"],
    [413, "invalid"],
    [415, "invalid"],
    [422, "invalid"],
    [429, "throttled"],
    [500, "unavailable"],
    [502, "unavailable"],
    [503, "unavailable"],
    [504, "unavailable"],
    [302, "unavailable"],
  ];
  for (const [status, kind] of failures) {
    it(`takes ${status} as ${kind}`, async () => {
      server.answer((_request, response) => json(response, status, statusObject(status, "Because", "so it is")));
      const got = await client.patch(KINDS.pod, REF, {}, { type: "merge", subresource: "status" });
      assert(!got.ok);
      assert.deepEqual([got.kind, got.status, got.reason], [kind, status, "Because"]);
      assert.equal(got.error, `patch pods/status ns/x: the API server answered ${status}: so it is`);
    });
  }

  it("takes a page of HTML, and an answer that is cut short, for no answer", async () => {
    server.answer((_request, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"));
    assert.match(await error(client.get(KINDS.pod, REF)), /^unavailable: get pods ns\/x: the answer is not JSON/);
    server.answer((_request, response) => response.writeHead(502).end("<html>bad gateway</html>"));
    assert.match(await error(client.get(KINDS.pod, REF)), /answered 502: not an answer of an API server/);
    server.answer((_request, response) => {
      response.writeHead(200, { "content-length": "1000" }).write('{"metadata":');
      setTimeout(() => response.destroy(), 20);
    });
    assert.match(await error(client.get(KINDS.pod, REF)), /^unavailable: .* cannot be asked: the connection was cut$/);
  });

  const waits: readonly [string, () => Record<string, string>, unknown, number | undefined][] = [
    ["seconds", () => ({ "retry-after": "7" }), {}, 7000],
    ["a date", () => ({ "retry-after": new Date(Date.now() + 60_000).toUTCString() }), {}, 60_000],
    ["the body", () => ({}), { retryAfterSeconds: 3 }, 3000],
    ["neither", () => ({}), {}, undefined],
    ["nonsense", () => ({ "retry-after": "soon" }), {}, undefined],
  ];
  for (const [where, headers, details, wanted] of waits) {
    it(`reads how long to wait from ${where}`, async () => {
      server.answer((_request, response) =>
        json(response, 429, statusObject(429, "TooManyRequests", "slow", details), headers()),
      );
      const got = await client.get(KINDS.pod, REF);
      assert(!got.ok);
      if (wanted === undefined) assert.equal(got.retryAfterMs, undefined);
      else assert(Math.abs((got.retryAfterMs ?? 0) - wanted) < 2000, `${got.retryAfterMs}`);
    });
  }

  it("ends in time where no answer comes, and where one stops in its middle", async () => {
    for (const answer of [() => {}, (response: { write: (text: string) => void }) => response.write('{"metadata":')]) {
      server.answer((_request, response) => answer(response));
      const got = await error(client.get(KINDS.pod, REF, { timeoutMs: 300 }));
      assert.equal(got, `unavailable: get pods ns/x: ${server.url} gave no answer within 0.3 s`);
    }
  });

  it("ends in time where no connection is made", async () => {
    // It takes connections and never says a word, so no TLS session begins.
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const waiting = value(await openKubeClient({ kubeconfig: await kubeconfigFile(url), timeoutMs: 300 }));
    const begun = performance.now();
    assert.equal(
      await error(waiting.get(KINDS.pod, REF)),
      `unavailable: get pods ns/x: ${url} gave no answer within 0.3 s`,
    );
    assert.match(await error(waiting.get(KINDS.pod, REF, { signal: AbortSignal.timeout(100) })), /^aborted: /);
    assert(performance.now() - begun < 5000);
    await waiting.close();
    silent.close();
  });

  it("ends at the caller's signal", async () => {
    server.answer(() => {});
    assert.equal(
      await error(client.get(KINDS.pod, REF, { signal: AbortSignal.timeout(50) })),
      "aborted: get pods ns/x: it was given up",
    );
  });

  it("refuses an answer that is too large, without reading it to its end", async () => {
    server.answer((_request, response) => {
      response.writeHead(200);
      response.write("x".repeat(200_000));
    });
    assert.match(await error(client.list(KINDS.pod, {})), /^invalid: list pods: the answer has more than/);
  });

  it("says where nothing listens, and no secret", async () => {
    const away = value(
      await openKubeClient({ kubeconfig: await kubeconfigFile("http://127.0.0.1:1", { token: SECRET }) }),
    );
    assert.equal(
      await error(away.get(KINDS.pod, REF)),
      "unavailable: get pods ns/x: http://127.0.0.1:1 cannot be asked: nothing listens there",
    );
    await away.close();
  });

  it("repeats no words of a server about Secrets and tokens", async () => {
    server.answer((_request, response) =>
      json(response, 422, statusObject(422, "Invalid", `data: Invalid value: "${SECRET}"`)),
    );
    for (const asked of [client.create(KINDS.secret, object), client.post(KINDS.serviceAccount, REF, "token", {})]) {
      const said = await error(asked);
      assert(!said.includes(SECRET), said);
      assert.match(said, /answered 422: Invalid$/);
    }
  });

  it("gives a review back though it has no name", async () => {
    server.answer((_request, response) =>
      json(response, 201, { metadata: { creationTimestamp: null }, status: { authenticated: true } }),
    );
    const review = value(await client.post(KINDS.tokenReview, undefined, undefined, { spec: { token: "t" } }));
    assert.deepEqual([review.metadata.name, review["status"]], ["", { authenticated: true }]);
  });

  describe("watch", () => {
    const events: WatchEvent[] = [];
    const timing = { timeoutSeconds: 300, silenceMs: 1000 };
    beforeEach(() => {
      events.length = 0;
    });

    function watching(more: object = {}, signal = new AbortController().signal) {
      return client.watch(
        KINDS.pod,
        { namespace: "ns", resourceVersion: "5", ...timing, ...more },
        (event) => events.push(event),
        signal,
      );
    }
    const line = (type: string, name: string, more: object = {}) =>
      `${JSON.stringify({ type, object: { apiVersion: "v1", kind: "Pod", metadata: { name, resourceVersion: "6", ...more } } })}\n`;

    it("asks for bookmarks, and for the list where that is wanted", async () => {
      server.answer((_request, response) => response.end());
      value(await watching({ labelSelector: "a=b" }));
      value(await watching({ resourceVersion: undefined, sendInitialEvents: true }));
      assert.deepEqual(
        server.requests.map(({ url }) => url.slice(pods.length)),
        [
          "?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=5&labelSelector=a%3Db",
          "?watch=true&allowWatchBookmarks=true&timeoutSeconds=300&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        ],
      );
    });

    it("reads events whatever the borders of the chunks are", async () => {
      const bytes = Buffer.from(line("ADDED", "é-1") + line("MODIFIED", "ü-2") + line("DELETED", "😀-3"));
      server.answer(async (_request, response) => {
        response.writeHead(200);
        for (const byte of bytes) {
          response.write(Buffer.of(byte));
          if (byte > 127) await sleep(1);
        }
        response.end();
      });
      value(await watching());
      const seen = events.map((event) =>
        event.type === "BOOKMARK" || event.type === "ERROR"
          ? event.type
          : `${event.type} ${event.object.metadata.name}`,
      );
      assert.deepEqual(seen, ["ADDED é-1", "MODIFIED ü-2", "DELETED 😀-3"]);
    });

    it("tells bookmarks, and which one ends a list", async () => {
      const end = { annotations: { "k8s.io/initial-events-end": "true" } };
      server.answer((_request, response) => response.end(line("BOOKMARK", "") + line("BOOKMARK", "", end)));
      value(await watching());
      assert.deepEqual(events, [
        { type: "BOOKMARK", resourceVersion: "6", initialEventsEnd: false },
        { type: "BOOKMARK", resourceVersion: "6", initialEventsEnd: true },
      ]);
    });

    it("tells an error within the stream", async () => {
      const gone = { type: "ERROR", object: statusObject(410, "Expired", "too old resource version") };
      server.answer((_request, response) => response.end(`${JSON.stringify(gone)}\n`));
      value(await watching());
      assert.equal(events[0]?.type === "ERROR" && events[0].failure.kind, "gone");
    });

    it("takes silence for death, before an answer and within one, and noise for life", async () => {
      server.answer(() => {});
      assert.match(
        await error(watching({ silenceMs: 200 })),
        /^unavailable: watch pods in ns: http:.* was silent for 0.2 s$/,
      );
      server.answer((_request, response) => response.write(line("ADDED", "a")));
      assert.match(await error(watching({ silenceMs: 200 })), /was silent for 0.2 s$/);
      server.answer(async (_request, response) => {
        for (let i = 0; i < 8; i += 1) {
          response.write(line("BOOKMARK", ""));
          await sleep(100);
        }
        response.end();
      });
      value(await watching({ silenceMs: 600 }));
    });

    it("is a failure where the stream breaks, or is no watch", async () => {
      server.answer((_request, response) => {
        response.write(line("ADDED", "a"));
        setTimeout(() => response.destroy(), 30);
      });
      assert.match(await error(watching()), /^unavailable: .*the connection was cut$/);
      for (const text of [
        "<html>\n",
        "{}\n",
        '{"type":"ADDED","object":{}}\n',
        '{"type":"NEW","object":{"metadata":{"name":"a","resourceVersion":"1"}}}\n',
      ]) {
        server.answer((_request, response) => response.end(text));
        assert.match(await error(watching()), /^unavailable: .*a line of the stream is no event of a watch$/);
      }
      server.answer((_request, response) => {
        response.write("x".repeat(17 * 2 ** 20));
      });
      assert.match(await error(watching({ silenceMs: 10_000 })), /an event has more than 16 MiB$/);
    });

    it("gives no event after its end", async () => {
      const stopping = new AbortController();
      server.answer((_request, response) => {
        response.write(line("ADDED", "a") + line("ADDED", "b"));
      });
      const end = client.watch(
        KINDS.pod,
        { namespace: "ns", ...timing },
        (event) => {
          events.push(event);
          stopping.abort();
        },
        stopping.signal,
      );
      assert.match(await error(end), /^aborted: /);
      await sleep(50);
      assert.equal(events.length, 1);
    });

    it("ends when all connections are reset, and the next request makes a new one", async () => {
      server.answer((request, response) => {
        if (request.url.includes("watch=true")) response.write(line("ADDED", "a"));
        else json(response, 200, { metadata: { name: "x" } });
      });
      const end = error(watching());
      await eventually(() => assert.equal(events.length, 1));
      await client.resetConnections();
      assert.match(await end, /^unavailable: /);
      value(await client.get(KINDS.pod, REF));
      assert.equal(server.connections(), 2);
    });
  });
});

/** Kind and sentence of a failure. */
async function error(result: Promise<{ ok: true } | { ok: false; kind: string; error: string }>): Promise<string> {
  const got = await result;
  assert(!got.ok, "it succeeded");
  return `${got.kind}: ${got.error}`;
}
