import "reflect-metadata";
import assert from "node:assert/strict";
import { webcrypto, X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as x509 from "@peculiar/x509";
import { renewalAt, type ServingCertificate } from "../../../agent/kubelet-api/certificate.ts";
import { openServing, type Serving } from "../../../agent/kubelet-api/serving.ts";
import type { KubeObject } from "../../../kube/client.ts";
import { systemClock } from "../../../kube/clock.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { type FakeKube, fakeKube } from "./fake-kube.ts";

const DAY_MS = 86_400_000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

describe("the serving certificate of the kubelet API", () => {
  let kube: FakeKube;
  let folder: string;
  let now: number;
  let said: string[];
  let swapped: ServingCertificate[];
  let stop: AbortController;
  let running: Promise<void> | undefined;
  let renamed: readonly string[] | undefined;

  beforeEach(async () => {
    kube = fakeKube();
    folder = await temporaryDirectory();
    now = Date.now();
    said = [];
    swapped = [];
    stop = new AbortController();
    running = undefined;
    renamed = undefined;
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  /** Its waits take no time beyond a few milliseconds, and move the clock. */
  const clock = {
    now: () => now,
    monotonic: () => now,
    timer: (callback: () => void, milliseconds: number) => {
      // The limit of a day on one wait, and the reflector's own, are not reached here.
      if (milliseconds === DAY_MS) return () => {};
      return systemClock.timer(() => {
        now += milliseconds;
        callback();
      }, 5);
    },
  };

  const open = async (names: readonly string[] = ["mac-1", "10.0.0.5"]): Promise<Serving> => {
    const paths = { key: join(folder, "k", "serving.key"), certificate: join(folder, "k", "serving.crt") };
    const say = (message: string) => said.push(message);
    const opened = await openServing({
      kube,
      nodeName: "mac-1",
      names: () => renamed ?? names,
      paths,
      clock,
      random: () => 0.5,
      say,
    });
    assert(opened.ok, opened.ok ? "" : opened.error);
    return opened.value;
  };
  const keep = (serving: Serving) => {
    running = serving.keep(stop.signal, (certificate) => swapped.push(certificate));
  };
  const request = async (index = 0): Promise<KubeObject> => {
    const look = () => [...kube.csrs.values()][index];
    const csr = await untilTrue("it is asked for", look, (seen) => seen !== undefined, { everyMs: 10 });
    assert(csr);
    return csr;
  };

  /** Signs as the controller manager does: what is asked for, by an authority of the test. */
  async function sign(csr: KubeObject, days = 365): Promise<string> {
    const { request: text } = (csr as unknown as { spec: { request: string } }).spec;
    const asked = new x509.Pkcs10CertificateRequest(Buffer.from(text, "base64").toString());
    assert.equal(asked.subject, "O=system:nodes, CN=system:node:mac-1");
    const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
    const names = asked.getExtension("2.5.29.17");
    const certificate = await x509.X509CertificateGenerator.create({
      subject: asked.subject,
      issuer: "CN=cluster",
      notBefore: new Date(now),
      notAfter: new Date(now + days * DAY_MS),
      signingAlgorithm: ALGORITHM,
      signingKey: keys.privateKey,
      publicKey: asked.publicKey,
      extensions: names === null ? [] : [names],
    });
    return certificate.toString("pem");
  }
  const decide = (name: string, pem: string) => kube.decide(name, { certificate: Buffer.from(pem).toString("base64") });

  it("is its own first, for the node's name and addresses, and says so", async () => {
    const serving = await open();
    assert.equal(serving.current().selfSigned, true);
    assert.match(serving.note() ?? "", /signed by itself.*the cluster has not been asked yet$/);
    assert.equal(serving.current().pem, (await open()).current().pem);
    assert.notEqual((await open(["mac-1", "10.0.0.6"])).current().pem, serving.current().pem);
  });

  it("is another one at once where the machine has another address, and is asked for again", async () => {
    const serving = await open();
    keep(serving);
    await request();
    renamed = ["mac-1", "10.0.0.9"];
    await untilTrue(
      "it is for the new address",
      () => new X509Certificate(serving.current().pem).subjectAltName ?? "",
      (names) => names.includes("10.0.0.9") && !names.includes("10.0.0.5"),
      { everyMs: 10 },
    );
    assert.equal(swapped.length, 1);
    assert.notEqual((await request(1)).metadata.name, (await request()).metadata.name);
  });

  it("is the cluster's once somebody has approved it, also after a restart", async () => {
    const serving = await open();
    keep(serving);
    const csr = await request();
    const { spec } = csr as unknown as { spec: { signerName: string; usages: string[] } };
    assert.deepEqual(
      [spec.signerName, spec.usages],
      ["kubernetes.io/kubelet-serving", ["digital signature", "server auth"]],
    );
    await untilTrue(
      "it says how",
      () => serving.note() ?? "",
      (note) => note.endsWith(`kubectl certificate approve ${csr.metadata.name}`),
    );
    decide(csr.metadata.name, await sign(csr));
    await untilTrue(
      "it is taken",
      () => swapped.length,
      (length) => length === 1,
    );
    assert.deepEqual([serving.note(), serving.current().selfSigned], [undefined, false]);
    stop.abort();
    await running;
    assert.equal((await open()).note(), undefined);
    assert.equal(kube.csrs.size, 1);
  });

  it("is renewed before its end, by a request of another name", async () => {
    const serving = await open();
    keep(serving);
    const first = await request();
    decide(first.metadata.name, await sign(first, 1));
    const until = now + DAY_MS;
    const second = await request(1);
    assert.ok(now < until && now >= until - 0.3 * DAY_MS, "it asks in time");
    assert.notEqual(second.metadata.name, first.metadata.name);
    decide(second.metadata.name, await sign(second));
    await untilTrue(
      "it is swapped",
      () => swapped.length,
      (length) => length === 2,
    );
  });

  it("stays its own where it is denied, which is said once, and is asked for again", async () => {
    const serving = await open();
    keep(serving);
    const first = await request();
    kube.decide(first.metadata.name, { conditions: [{ type: "Denied", message: "not an instance of this cloud" }] });
    const second = await request(1);
    assert.ok(
      said.some((text) => text.endsWith("denied: not an instance of this cloud")),
      said.join("\n"),
    );
    assert.deepEqual(swapped, []);
    decide(second.metadata.name, await sign(second));
    await untilTrue(
      "it is taken",
      () => swapped.length,
      (length) => length === 1,
    );
  });

  it("is asked for under the same name again where the request was removed, or is there already", async () => {
    const serving = await open();
    keep(serving);
    const { name } = (await request()).metadata;
    kube.remove(name);
    assert.equal((await request()).metadata.name, name);
    stop.abort();
    await running;
    stop = new AbortController();
    const again = await open();
    keep(again);
    await untilTrue(
      "it waits",
      () => again.note() ?? "",
      (note) => note.endsWith(name),
    );
    assert.equal(kube.csrs.size, 1);
  });

  it("is taken only where it is of this key and for these names", async () => {
    const serving = await open();
    keep(serving);
    const first = await request();
    const other = await temporaryDirectory();
    const mine = folder;
    folder = other;
    decide(first.metadata.name, (await open()).current().pem);
    folder = mine;
    await untilTrue(
      "it is refused",
      () => said.join("\n"),
      (text) => /does not serve: it is of another key/.test(text),
    );
    assert.equal(serving.current().selfSigned, true);
  });

  it("stays its own while the API server is away or gives no right, and is asked for later", async () => {
    kube.away = true;
    const serving = await open();
    keep(serving);
    await untilTrue(
      "it says so",
      () => serving.note() ?? "",
      (note) => note.endsWith("the API server is away"),
    );
    kube.away = false;
    await request();
  });

  it("has a new key where the file holds none", async () => {
    const { pem } = (await open()).current();
    await writeFile(join(folder, "k", "serving.key"), "broken");
    assert.notEqual((await open()).current().pem, pem);
    assert.match(await readFile(join(folder, "k", "serving.key"), "utf8"), /^-----BEGIN PRIVATE KEY/);
  });

  it("is renewed after 70 to 90 % of its time", () => {
    assert.equal(renewalAt({ from: 1000, until: 2000 }, 0), 1700);
    assert.equal(renewalAt({ from: 1000, until: 2000 }, 1), 1900);
  });
});
