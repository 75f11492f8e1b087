import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { inClusterAccess } from "../../kube/access/in-cluster.ts";
import { readKubeconfig } from "../../kube/access/kubeconfig.ts";
import { openKubeAccess } from "../../kube/open-client.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { value } from "./support/results.ts";

const SECRET = "hunter2";
const PATH = "/etc/kube/config";

const WHOLE = {
  clusters: [{ name: "c", cluster: { server: "https://10.0.0.1:6443/base/", "certificate-authority": "ca.crt" } }],
  users: [{ name: "u", user: { tokenFile: "../token", as: "system:node:mac-1", "as-groups": ["system:nodes"] } }],
  contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "ns" } }],
  "current-context": "x",
};

function failure(config: unknown, context?: string): string {
  const text = typeof config === "string" ? config : stringify(config);
  const got = readKubeconfig(text, PATH, context);
  assert(!got.ok, "it was read");
  assert(!got.error.includes(SECRET), got.error);
  assert(got.error.startsWith(`kubeconfig ${PATH}: `), got.error);
  return got.error.slice(`kubeconfig ${PATH}: `.length);
}

describe("kube: kubeconfig", () => {
  it("reads a context, with paths from the file's folder", () => {
    const access = value(readKubeconfig(stringify(WHOLE), PATH));
    assert.equal(access.server, "https://10.0.0.1:6443/base");
    assert.deepEqual(access.authority, { file: "/etc/kube/ca.crt" });
    assert.equal(access.tokenFile, "/etc/token");
    assert.equal(access.namespace, "ns");
    assert.deepEqual(access.impersonation, {
      user: "system:node:mac-1",
      uid: undefined,
      groups: ["system:nodes"],
      extra: {},
    });
  });

  it("takes data before files, and no notice of what it does not use", () => {
    const cluster = { server: "https://a", "certificate-authority": "ca.crt", "certificate-authority-data": "Y2E=" };
    const config = {
      ...WHOLE,
      preferences: {},
      clusters: [
        { name: "other", cluster: 7 },
        { name: "c", cluster },
      ],
      users: [
        { name: "u", user: { token: SECRET, unknown: 1 } },
        { name: "broken", user: "x" },
      ],
    };
    const access = value(readKubeconfig(stringify(config), PATH));
    assert.deepEqual(access.authority, { data: Buffer.from("ca") });
    assert.equal(access.token, SECRET);
  });

  it("takes another context than the current one", () => {
    const config = { ...WHOLE, "current-context": "nowhere" };
    assert.equal(value(readKubeconfig(stringify(config), PATH, "x")).namespace, "ns");
  });

  it("needs no user", () => {
    const config = { ...WHOLE, contexts: [{ name: "x", context: { cluster: "c" } }] };
    assert.equal(value(readKubeconfig(stringify(config), PATH)).token, undefined);
  });

  const cluster = (fields: object) => ({ ...WHOLE, clusters: [{ name: "c", cluster: fields }] });
  const user = (fields: unknown) => ({ ...WHOLE, users: [{ name: "u", user: fields }] });
  const wrong: readonly [string, unknown, string | undefined, RegExp][] = [
    ["is empty", "", undefined, /^it is not as expected/],
    ["is no YAML", `users: [${SECRET}\n: :`, undefined, /^it is not YAML \(line \d+\)$/],
    ["is a text", SECRET, undefined, /^it is not as expected/],
    [
      "has no current context",
      { ...WHOLE, "current-context": "" },
      undefined,
      /^it has no current-context, and no context was named$/,
    ],
    ["lacks the context", WHOLE, "y", /^context "y" does not exist in it$/],
    ["lacks the current context", { ...WHOLE, contexts: [] }, undefined, /^context "x" does not exist in it$/],
    [
      "lacks the cluster",
      { ...WHOLE, clusters: [] },
      undefined,
      /^context "x" names the cluster "c", which does not exist in it$/,
    ],
    [
      "lacks the user",
      { ...WHOLE, users: null },
      undefined,
      /^context "x" names the user "u", which does not exist in it$/,
    ],
    ["has no server", cluster({}), undefined, /^cluster "c": server is not as expected/],
    [
      "has a server that is none",
      cluster({ server: "10.0.0.1:6443" }),
      undefined,
      /^cluster "c": server is not as expected/,
    ],
    ["has a token that is none", user({ token: { value: SECRET } }), undefined, /^user "u": token is not as expected/],
    [
      "has groups that are none",
      user({ token: SECRET, as: "a", "as-groups": "system:nodes" }),
      undefined,
      /^user "u": as-groups is not as expected/,
    ],
    [
      "has a plugin without a command",
      user({ exec: { apiVersion: "v1" } }),
      undefined,
      /^user "u": exec.command is not as expected/,
    ],
  ];
  for (const [what, config, context, sentence] of wrong) {
    it(`says that it ${what}`, () => {
      assert.match(failure(config, context), sentence);
    });
  }

  describe("and the files that it names", () => {
    async function opened(config: unknown, files: Readonly<Record<string, string>> = {}): Promise<string> {
      const folder = await temporaryDirectory();
      const path = join(folder, "config");
      await writeFile(path, stringify(config));
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
      const got = await openKubeAccess({ kubeconfig: path });
      return got.ok ? "opened" : got.error.replaceAll(folder, "");
    }

    it("says that there is no kubeconfig", async () => {
      const got = await openKubeAccess({ kubeconfig: "/nowhere/config" });
      assert.equal(got.ok ? "opened" : got.error, "kubeconfig /nowhere/config: there is no such file");
    });

    it("says that the token cannot be read, or is none", async () => {
      const config = { ...cluster({ server: "https://a" }), users: [{ name: "u", user: { tokenFile: "token" } }] };
      assert.equal(await opened(config), "/token: the token cannot be read (ENOENT)");
      assert.equal(await opened(config, { token: " \n" }), "/token: it holds no token");
      assert.equal(await opened(config, { token: "a\nb: c" }), "/token: it holds no token");
      assert.equal(await opened(config, { token: "good\n" }), "opened");
    });

    it("says that a certificate is missing, is none, or has expired", async () => {
      const config = {
        ...cluster({ server: "https://a" }),
        users: [{ name: "u", user: { "client-certificate": "me.crt", "client-key": "me.key" } }],
      };
      assert.equal(await opened(config), "/me.crt: the client certificate cannot be read (ENOENT)");
      assert.equal(
        await opened(config, { "me.crt": "x", "me.key": "x" }),
        "the client certificate /me.crt is not a PEM certificate",
      );
      assert.equal(
        await opened(config, { "me.crt": EXPIRED, "me.key": "x" }),
        "the client certificate /me.crt expired at 2020-01-02T00:00:00.000Z",
      );
    });
  });

  it("says that it is in no pod where no kubeconfig is given", async () => {
    const got = await inClusterAccess({});
    assert.match(got.ok ? "opened" : got.error, /^no kubeconfig is given, and this process runs in no pod/);
  });

  it("takes the files of a pod", async () => {
    const folder = await temporaryDirectory();
    await writeFile(join(folder, "namespace"), "ns\n");
    const access = value(
      await inClusterAccess({ KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" }, folder),
    );
    assert.deepEqual(
      [access.server, access.namespace, access.tokenFile],
      ["https://[fd00::1]:443", "ns", join(folder, "token")],
    );
  });
});

/** Valid on the first day of 2020. */
const EXPIRED = `-----BEGIN CERTIFICATE-----
MIIBJDCBy6ADAgECAhEA2CAeESEbssW41XPX3Km3mTAKBggqhkjOPQQDAjASMRAw
DgYDVQQDEwdleHBpcmVkMB4XDTIwMDEwMTAwMDAwMFoXDTIwMDEwMjAwMDAwMFow
EjEQMA4GA1UEAxMHZXhwaXJlZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABGni
vE5xDK8TlfWky2cM2UCJ/Q3T+xXpdYYHaaLmYjbp9jRRfAnTGT/3/CYMcso3Lp7J
griOxcfIK5r4tijQIlyjAjAAMAoGCCqGSM49BAMCA0gAMEUCIH2TsxY9bejOiOw/
6nX21a2b3eYMmf6LRpCeCdum2x9NAiEAjOcPSQba5z/NKAGIjamc7q/pwkGdoRjc
/N4vhIy6st8=
-----END CERTIFICATE-----
`;
