import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "plist";
import { GiB } from "../../../api/bytes.ts";
import { SYSTEM_NAMESPACE } from "../../../api/fleet.ts";
import { controllerManifests, type ManifestObject, nodeManifests } from "../../../cluster/index.ts";
import { LlmController, type LlmControllerArgs, LlmNode, type LlmNodeArgs } from "../../../components/index.ts";
import { Pending, type Registered, registered } from "../mocked.ts";

const SERVER = "https://10.0.0.1:6443";
const CA = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";

/** What reached the engine beside the component, as Kubernetes objects. */
function objectsOf(resources: readonly Registered[]): unknown[] {
  return resources.filter(({ type }) => type.startsWith("kubernetes:")).map(({ inputs }) => inputs);
}

function byName(objects: readonly unknown[]): unknown[] {
  const key = (object: unknown) => {
    const { kind, metadata } = object as ManifestObject;
    return `${kind} ${metadata.name}`;
  };
  return [...objects].sort((a, b) => key(a).localeCompare(key(b)));
}

describe("LlmController", () => {
  it("creates the manifests of the controller", async () => {
    const options = { image: "registry.example/llmkube:1", namespace: "models", replicas: 2 };
    const { resources } = await registered(() => new LlmController("fleet", options).namespace);
    assert.deepEqual(byName(objectsOf(resources)), byName(controllerManifests(options)));
  });

  it("creates no Deployment without an image, and no definitions where they are not wanted", async () => {
    const args = { customResourceDefinitions: false };
    const { resources, outputs } = await registered(() => new LlmController("fleet", args).namespace);
    assert.deepEqual(byName(objectsOf(resources)), byName(controllerManifests({ crds: false })));
    assert.equal(outputs, SYSTEM_NAMESPACE);
  });

  it("takes an image that is yet to be built", async () => {
    const { resources } = await registered(
      () => new LlmController("fleet", { image: new Pending("build").value }).serviceAccountName,
      "preview",
    );
    assert.ok(resources.some(({ type }) => type === "kubernetes:apps/v1:Deployment"));
    const role = resources.find(({ type }) => type.endsWith(":ClusterRole"));
    assert.ok(Array.isArray(role?.inputs["rules"]), "what does not need the image is known");
  });

  const bad: readonly [args: object, says: RegExp][] = [
    [{ image: "no image" }, /image is "no image"; it must be a name of an image/],
    [{ namespace: "Models" }, /namespace is "Models"; it must be at most 63 lower case/],
    [{ replicas: 10 }, /replicas is 10; it must be a whole number from 0 to 9/],
    [{ crds: false }, /crds is not a field/],
  ];
  for (const [args, says] of bad) {
    it(`refuses ${JSON.stringify(args)}`, async () => {
      await assert.rejects(
        registered(() => new LlmController("fleet", args as LlmControllerArgs).namespace),
        says,
      );
    });
  }
});

describe("LlmNode", () => {
  const outputsOf = (args: LlmNodeArgs) =>
    registered(() => {
      const { kubeconfig, launchdPlist, installCommand } = new LlmNode("mac-1", args);
      return pulumi.output({ kubeconfig, launchdPlist, installCommand, secret: pulumi.isSecret(kubeconfig) });
    });

  it("creates the identity of its Mac", async () => {
    const { resources } = await registered(
      () => new LlmNode("mac-1", { server: SERVER, namespace: "models" }).nodeName,
    );
    const expected = nodeManifests({ nodeName: "mac-1", namespace: "models" });
    assert.deepEqual(byName(objectsOf(resources)), byName(expected));
  });

  it("puts out a kubeconfig without a token, which is a secret all the same", async () => {
    const { outputs } = await outputsOf({ server: SERVER, certificateAuthority: CA });
    const { kubeconfig, secret } = outputs as { kubeconfig: string; secret: boolean };
    assert.equal(secret, true);
    const { users, clusters } = JSON.parse(kubeconfig);
    assert.deepEqual(users[0].user, { tokenFile: "token", as: "system:node:mac-1", "as-groups": ["system:nodes"] });
    const data = Buffer.from(CA).toString("base64");
    assert.deepEqual(clusters[0].cluster, { server: SERVER, "certificate-authority-data": data });
  });

  it("puts a given token into the kubeconfig, and nowhere else", async () => {
    const { outputs } = await outputsOf({ server: SERVER, token: pulumi.secret("sesame.sesame") });
    const { kubeconfig, ...others } = outputs as Record<string, string>;
    assert.equal(JSON.parse(kubeconfig ?? "").users[0].user.token, "sesame.sesame");
    assert.ok(!JSON.stringify(others).includes("sesame"));
    const words = /echo (\S+) \|/.exec(others["installCommand"] ?? "")?.[1] ?? "";
    assert.ok(!Buffer.from(words, "base64").toString().includes("sesame"));
  });

  it("puts out a LaunchDaemon with absolute paths", async () => {
    const { outputs } = await outputsOf({ server: SERVER, user: "admin" });
    const plist = parse((outputs as { launchdPlist: string }).launchdPlist) as Record<string, unknown>;
    assert.equal(plist["UserName"], "admin");
    const command = plist["ProgramArguments"] as string[];
    assert.deepEqual(command.slice(-2), ["--kubeconfig", "/Users/admin/.pulumi-llmkube/kubeconfig"]);
    assert.equal(command[0], "/opt/homebrew/bin/node");
  });

  it("is the data of a Mac without a cluster: nothing is created, and the outputs are plain", async () => {
    const args = {
      memory: "64Gi",
      memoryFraction: 0.5,
      labels: { room: "a" },
      address: "10.0.0.7",
    };
    const { resources, outputs } = await registered(() => {
      const { nodeName, memory, allocatable, labels, address, kubeconfig, installCommand } = new LlmNode("mac-1", args);
      return pulumi.output({ nodeName, memory, allocatable, labels, address, kubeconfig, installCommand });
    }, "preview");
    assert.deepEqual(objectsOf(resources), []);
    assert.deepEqual(outputs, {
      ...{ nodeName: "mac-1", memory: "64Gi", labels: { room: "a" }, address: "10.0.0.7" },
      ...{ allocatable: `${32 * GiB}`, kubeconfig: undefined, installCommand: undefined },
    });
  });

  const allocatables: readonly [what: string, args: LlmNodeArgs, bytes: number | undefined][] = [
    ["the default share of a large Mac", { memory: "128Gi" }, 96 * GiB],
    ["on a small Mac the least working set, below its share", { memory: "16Gi" }, Math.floor((16 * GiB * 2) / 3)],
    ["a share that somebody chose", { memory: "16Gi", memoryFraction: 0.7 }, Math.trunc(16 * GiB * 0.7)],
    ["never more than the working set", { memory: "128Gi", memoryFraction: 0.9, workingSet: "110Gi" }, 110 * GiB],
    ["never more than the reserve leaves", { memory: "64Gi", memoryFraction: 1, reserve: "8Gi" }, 56 * GiB],
    ["nothing is known without memory", { server: SERVER }, undefined],
    ["null is absent", { memory: "128Gi", workingSet: null, reserve: null } as never, 96 * GiB],
  ];
  for (const [what, args, bytes] of allocatables) {
    it(`has an allocatable memory: ${what}`, async () => {
      const { outputs } = await registered(() => pulumi.output({ found: new LlmNode("mac-1", args).allocatable }));
      assert.deepEqual(outputs, { found: bytes === undefined ? undefined : `${bytes}` });
    });
  }

  it("refuses a server that turns out to be none", async () => {
    const server = pulumi.output(undefined) as never;
    const { outputs } = await registered(() => said(new LlmNode("mac-1", { server }).kubeconfig));
    assert.match(String(outputs), /server is missing; it must be an address such as https/);
  });

  const bad: readonly [args: object, says: RegExp][] = [
    [{}, /memory and server are missing: give the memory of the Mac, for example 128Gi/],
    [{ memory: "128GB" }, /memory is "128GB"; it must be a quantity of bytes.*128Gi/],
    [{ memory: 128 }, /memory is 128, a number; it must be/],
    [{ memory: "2Gi" }, /memory is 2Gi, and the reserve of 4.0 GiB leaves nothing for models/],
    [{ memory: "16Gi", reserve: "16Gi" }, /the reserve of 16.0 GiB leaves nothing/],
    [{ memory: "16Gi", reserve: "4" }, /reserve is "4"; it must be a quantity of bytes of at least 1Gi/],
    [
      { memory: "16Gi", workingSet: "20Gi" },
      /workingSet is 20\.0 GiB, but memory is 16\.0 GiB: a working set is a part/,
    ],
    [{ memory: "16Gi", memoryFraction: 1.5 }, /memoryFraction is 1.5; it must be a number/],
    [{ memory: "16Gi", token: "t" }, /token is set, but server is not: .* give server too, or leave it out/],
    [{ memory: "16Gi", address: "http://mac" }, /address is "http:\/\/mac"; it must be a host name/],
    [{ server: "10.0.0.1" }, /server is "10.0.0.1"; it must be an address/],
    [{ server: SERVER, certificateAuthority: "TUE=" }, /it must be a certificate in PEM/],
    [{ server: SERVER, nodeName: "Mac" }, /nodeName is "Mac"; it must be a DNS name/],
    [{ server: SERVER, sshDestination: "a b" }, /sshDestination is "a b"; it must be a host/],
    [{ server: SERVER, sshDestination: "-oProxyCommand=x" }, /it must be a host/],
  ];
  for (const [args, says] of bad) {
    it(`refuses ${JSON.stringify(args)}`, async () => {
      await assert.rejects(
        registered(() => new LlmNode("mac-1", args as LlmNodeArgs).nodeName),
        says,
      );
    });
  }
});

/** The message of the error that an output comes to. */
async function said(output: pulumi.Output<unknown>): Promise<string> {
  // Output has no public promise of its value; the member is in its implementation's interface.
  const promise: unknown = Reflect.get(output, "promise");
  if (typeof promise !== "function") throw new Error("an output without a promise");
  return promise.call(output).then(
    (value: unknown) => `it is ${value}`,
    (error: Error) => error.message,
  );
}
