import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { controllerManifests, nodeManifests } from "../../cluster/index.ts";
import { inProcess } from "../support/in-process.ts";
import { temporaryDirectory } from "../support/workspace.ts";

function documentsOf(text: string): unknown[] {
  return parseAllDocuments(text).map((document) => document.toJS());
}

describe("pulumi-llmkube manifests", () => {
  it("controller: prints the objects, and what to do next as comments", async () => {
    const { stdout, exitCode } = await inProcess("manifests", "controller", "--image", "registry.example/llmkube:1");
    assert.equal(exitCode, 0);
    assert.deepEqual(documentsOf(stdout), controllerManifests({ image: "registry.example/llmkube:1" }));
    assert.match(stdout, /^# .*rollout status/m);
  });

  it("controller without an image: says why there is no Deployment", async () => {
    const { stdout } = await inProcess("manifests", "controller", "--no-crds", "--namespace", "models");
    assert.deepEqual(documentsOf(stdout), controllerManifests({ crds: false, namespace: "models" }));
    assert.match(stdout, /^# There is no Deployment/m);
    assert.match(stdout, /manifests node NAME --namespace models/);
  });

  it("node: prints the identity, and asks for the address of the API server", async () => {
    const { stdout } = await inProcess("manifests", "node", "mac-1");
    assert.deepEqual(documentsOf(stdout), nodeManifests({ nodeName: "mac-1" }));
    assert.match(stdout, /^# Give --server/m);
  });

  it("node with a server: prints the command that installs it, which holds no secret", async () => {
    const file = join(await temporaryDirectory(), "ca.crt");
    await writeFile(file, "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n");
    const given = ["--server", "https://10.0.0.1:6443", "--certificate-authority", file, "--ssh", "admin@10.0.0.7"];
    const { stdout } = await inProcess("manifests", "node", "mac-1", ...given);
    const command = /^# (kubectl create token .*)$/m.exec(stdout)?.[1] ?? "";
    assert.match(command, /^kubectl create token mac-mac-1 --namespace pulumi-llmkube --duration 720h \| ssh admin@10/);
    const kubeconfig = JSON.parse(Buffer.from(/echo (\S+) \|/.exec(command)?.[1] ?? "", "base64").toString());
    assert.deepEqual(kubeconfig.users, [
      {
        name: "pulumi-llmkube",
        user: { tokenFile: "token", as: "system:node:mac-1", "as-groups": ["system:nodes"] },
      },
    ]);
    assert.equal(kubeconfig.clusters[0].cluster.server, "https://10.0.0.1:6443");
  });

  const refused: readonly [args: readonly string[], says: RegExp][] = [
    [["node", "Mac-1"], /"Mac-1" is no name of a Node/],
    [["node", "mac-1;reboot"], /is no name of a Node/],
    [["node"], /missing required argument/],
    [["node", "mac-1", "--server", "10.0.0.1"], /such as https/],
    [["node", "mac-1", "--ssh", "-oProxyCommand=x"], /USER@HOST/],
    [["node", "mac-1", "--ssh", "a b"], /USER@HOST/],
    [["node", "mac-1", "--server", "https://a", "--certificate-authority", "/dev/null"], /holds no certificate/],
    [["node", "mac-1", "--server", "https://a", "--certificate-authority", "/no/file"], /no such file/],
    [["controller", "--namespace", "Models"], /lower case/],
    [["controller", "--image", "no image"], /registry\.example/],
    [["controller", "--replicas", "-1"], /0 to 9/],
    [["controllers"], /unknown command|too many/],
  ];
  for (const [args, says] of refused) {
    it(`refuses ${args.join(" ")}`, async () => {
      const { stderr, stdout, exitCode } = await inProcess("manifests", ...args);
      assert.equal(exitCode, 2);
      assert.equal(stdout, "");
      assert.match(stderr, says);
    });
  }
});
