import assert from "node:assert/strict";
import { chmod, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { KINDS } from "../../kube/kinds.ts";
import { type AccessOptions, type KubeAccess, openKubeAccess } from "../../kube/open-client.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { fakeClock } from "./support/fake-clock.ts";
import { value } from "./support/results.ts";
import { json, kubeconfigFile, kubeconfigText, scriptedServer, statusObject } from "./support/scripted-server.ts";

const REF = { namespace: "ns", name: "x" };
const LOOK_AGAIN_MS = 10_000;

describe("kube: credentials", () => {
  let server: Awaited<ReturnType<typeof scriptedServer>>;
  let folder: string;
  const clock = fakeClock();
  /** The server takes only this. */
  let valid: string | undefined;

  beforeEach(async () => {
    server = await scriptedServer();
    folder = await temporaryDirectory();
    valid = undefined;
    server.answer(({ headers }, response) => {
      if (valid === undefined || headers.authorization === valid) json(response, 200, { metadata: { ...REF } });
      else json(response, 401, statusObject(401, "Unauthorized", "Unauthorized"));
    });
  });
  afterEach(() => server.close());

  async function opened(user: object, more: Partial<AccessOptions> = {}): Promise<KubeAccess> {
    const kubeconfig = await kubeconfigFile(server.url, user, {}, folder);
    return value(await openKubeAccess({ kubeconfig, clock, ...more }));
  }
  const sent = () => server.requests.map(({ headers }) => headers.authorization);

  it("takes a token file that changes within 10 s, from beside the kubeconfig", async () => {
    await writeFile(join(folder, "token"), "one\n");
    const client = (await opened({ tokenFile: "token", token: "ignored" })).client();
    value(await client.get(KINDS.pod, REF));
    await writeFile(join(folder, "token"), "two\n");
    value(await client.get(KINDS.pod, REF));
    await clock.advance(LOOK_AGAIN_MS);
    value(await client.get(KINDS.pod, REF));
    assert.deepEqual(sent(), ["Bearer one", "Bearer one", "Bearer two"]);
    await client.close();
  });

  it("reads credentials anew when they are refused, and asks once more", async () => {
    await writeFile(join(folder, "token"), "one");
    const client = (await opened({ tokenFile: "token" })).client();
    value(await client.get(KINDS.pod, REF));
    await writeFile(join(folder, "token"), "two");
    valid = "Bearer two";
    value(await client.get(KINDS.pod, REF));
    assert.deepEqual(sent(), ["Bearer one", "Bearer one", "Bearer two"]);
    await client.close();
  });

  it("does not ask again with what was refused", async () => {
    valid = "Bearer other";
    const client = (await opened({ token: "one" })).client();
    const got = await client.get(KINDS.pod, REF);
    assert.equal(got.ok ? "taken" : got.error, "get pods ns/x: the API server answered 401: Unauthorized");
    assert.deepEqual(sent(), ["Bearer one"]);
    await client.close();
  });

  it("follows a kubeconfig that changes on disk, to another server too", async () => {
    const access = await opened({ token: "one" });
    const client = access.client();
    value(await client.get(KINDS.pod, REF));
    const other = await scriptedServer();
    await writeFile(join(folder, "kubeconfig"), kubeconfigText(other.url, { token: "two" }));
    await clock.advance(LOOK_AGAIN_MS);
    value(await client.get(KINDS.pod, REF));
    assert.equal(other.requests[0]?.headers.authorization, "Bearer two");
    assert.equal(client.server, other.url);
    await client.close();
    await other.close();
  });

  it("goes on with what it knows while a file is away, or half written", async () => {
    await writeFile(join(folder, "token"), "one");
    const client = (await opened({ tokenFile: "token" })).client();
    const kubeconfig = await readFile(join(folder, "kubeconfig"), "utf8");
    const harms = [
      () => rm(join(folder, "token")),
      () => writeFile(join(folder, "token"), ""),
      () => writeFile(join(folder, "kubeconfig"), kubeconfig.slice(0, 40)),
      () => rm(join(folder, "kubeconfig")),
    ];
    for (const harm of harms) {
      await harm();
      await clock.advance(LOOK_AGAIN_MS);
      value(await client.get(KINDS.pod, REF));
    }
    assert.deepEqual(new Set(sent()), new Set(["Bearer one"]));
    await client.close();
  });

  it("sends the user, every group, the uid and extra fields of an impersonation, and none as itself", async () => {
    const access = await opened({
      token: "one",
      as: "system:node:mac-1",
      "as-groups": ["system:nodes", "others"],
      "as-uid": "u-1",
      "as-user-extra": { "example.com/scope": ["a", "b"] },
    });
    assert.equal(access.impersonates, "system:node:mac-1");
    const client = access.client();
    const itself = access.clientAsItself();
    value(await client.get(KINDS.pod, REF));
    value(await itself.get(KINDS.pod, REF));
    const impersonated = server.requests.map(({ rawHeaders }) =>
      pairs(rawHeaders).filter(([name]) => name.startsWith("impersonate-")),
    );
    assert.deepEqual(impersonated, [
      [
        ["impersonate-user", "system:node:mac-1"],
        ["impersonate-uid", "u-1"],
        ["impersonate-group", "system:nodes"],
        ["impersonate-group", "others"],
        ["impersonate-extra-example.com%2fscope", "a"],
        ["impersonate-extra-example.com%2fscope", "b"],
      ],
      [],
    ]);
    assert.deepEqual(sent(), ["Bearer one", "Bearer one"]);
    await Promise.all([client.close(), itself.close()]);
  });

  it("takes a token that is handed to it for all clients, until the file says another one or it is refused", async () => {
    await writeFile(join(folder, "token"), "of-the-file");
    const access = await opened({ tokenFile: "token" });
    const clients = [access.client(), access.clientAsItself()];
    access.replaceToken("renewed");
    for (const client of clients) value(await client.get(KINDS.pod, REF));
    await clock.advance(LOOK_AGAIN_MS);
    for (const client of clients) value(await client.get(KINDS.pod, REF));
    assert.deepEqual(sent(), Array(4).fill("Bearer renewed"));
    await writeFile(join(folder, "token"), "newer");
    await clock.advance(LOOK_AGAIN_MS);
    for (const client of clients) value(await client.get(KINDS.pod, REF));
    assert.deepEqual(sent().slice(4), Array(2).fill("Bearer newer"));
    access.replaceToken("wrong");
    valid = "Bearer newer";
    await clock.advance(LOOK_AGAIN_MS);
    for (const client of clients) value(await client.get(KINDS.pod, REF));
    assert.deepEqual(sent().slice(6), ["Bearer wrong", "Bearer newer", "Bearer newer"]);
    await Promise.all(clients.map((client) => client.close()));
  });

  it("authenticates by user name and password", async () => {
    const client = (await opened({ username: "me", password: "pass" })).client();
    value(await client.get(KINDS.pod, REF));
    assert.deepEqual(sent(), [`Basic ${Buffer.from("me:pass").toString("base64")}`]);
    await client.close();
  });

  it("authenticates by an OpenID provider through client-node", async () => {
    const claims = Buffer.from(JSON.stringify({ exp: 4_000_000_000 })).toString("base64url");
    const token = `e30.${claims}.sig`;
    const client = (await opened({ "auth-provider": { name: "oidc", config: { "id-token": token } } })).client();
    value(await client.get(KINDS.pod, REF));
    assert.deepEqual(sent(), [`Bearer ${token}`]);
    await client.close();
  }).timeout(60_000);

  describe("of a plugin", () => {
    /** A plugin that counts its runs, and answers with the number of the run as its token. */
    async function plugin(status: string, before = ""): Promise<object> {
      const path = join(folder, "plugin");
      const script = `#!/bin/sh
echo run >> "${folder}/runs"
n=$(wc -l < "${folder}/runs" | tr -d ' ')
${before}
printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":${status}}' "$n"
`;
      await writeFile(path, script);
      await chmod(path, 0o700);
      return {
        apiVersion: "client.authentication.k8s.io/v1",
        command: "./plugin",
        env: [{ name: "OF_PLUGIN", value: "yes" }],
      };
    }
    const runs = async () => (await readFile(join(folder, "runs"), "utf8")).trim().split("\n").length;

    it("runs it once, and again in time before its credentials expire", async () => {
      const expires = new Date(clock.now() + 100_000).toISOString();
      const client = (
        await opened({ exec: await plugin(`{"token":"t%s","expirationTimestamp":"${expires}"}`) })
      ).client();
      for (let i = 0; i < 6; i += 1) {
        value(await client.get(KINDS.pod, REF));
        await clock.advance(LOOK_AGAIN_MS);
      }
      assert.equal(await runs(), 1);
      await clock.advance(LOOK_AGAIN_MS);
      value(await client.get(KINDS.pod, REF));
      assert.equal(await runs(), 2);
      assert.deepEqual(new Set(sent()), new Set(["Bearer t1", "Bearer t2"]));
      await client.close();
    });

    it("runs it when its token is refused, and not for each request that is", async () => {
      const client = (await opened({ exec: await plugin('{"token":"t%s"}') })).client();
      valid = "Bearer t2";
      value(await client.get(KINDS.pod, REF));
      assert.deepEqual(sent(), ["Bearer t1", "Bearer t2"]);
      valid = "Bearer none";
      await clock.advance(1000);
      for (let i = 0; i < 10; i += 1) await client.get(KINDS.pod, REF);
      assert.equal(await runs(), 2);
      await client.close();
    });

    it("tells it what it asks for, and of the cluster where that is wanted", async () => {
      const exec = {
        ...(await plugin('{"token":"t"}', `printf '%s' "$KUBERNETES_EXEC_INFO $OF_PLUGIN" > "${folder}/info"`)),
        provideClusterInfo: true,
      };
      await opened({ exec });
      assert.equal(
        await readFile(join(folder, "info"), "utf8"),
        `{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","spec":{"interactive":false,"cluster":{"server":"${server.url}"}}} yes`,
      );
    });

    const wrong: readonly [string, string, RegExp][] = [
      ["ends with an error", "echo hunter2 >&2; exit 3", /^the credential plugin \.\/plugin ended with code 3$/],
      ["says no JSON", "echo hunter2; exit 0", /gave no ExecCredential$/],
      [
        "speaks another version",
        `echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential","status":{"token":"hunter2"}}'; exit 0`,
        /answered in client.authentication.k8s.io\/v1beta1; the kubeconfig asks for client.authentication.k8s.io\/v1$/,
      ],
      [
        "gives a certificate without a key",
        `echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"clientCertificateData":"hunter2"}}'; exit 0`,
        /gave neither a token nor a client certificate with its key$/,
      ],
    ];
    for (const [what, before, sentence] of wrong) {
      it(`says that it ${what}, and no secret`, async () => {
        const kubeconfig = await kubeconfigFile(server.url, { exec: await plugin("{}", before) }, {}, folder);
        const got = await openKubeAccess({ kubeconfig, clock });
        assert(!got.ok);
        assert.match(got.error, sentence);
        assert(!got.error.includes("hunter2"));
      });
    }

    it("says that it is not installed", async () => {
      const exec = { apiVersion: "client.authentication.k8s.io/v1", command: "no-such-plugin" };
      const got = await openKubeAccess({ kubeconfig: await kubeconfigFile(server.url, { exec }), clock });
      assert.equal(got.ok ? "opened" : got.error, "the credential plugin no-such-plugin is not installed");
    });
  });
});

function pairs(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name.toLowerCase(), raw[at + 1] ?? ""]] : []));
}
