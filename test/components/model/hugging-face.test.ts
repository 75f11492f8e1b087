import assert from "node:assert/strict";
import * as pulumi from "@pulumi/pulumi";
import { type HuggingFaceArgs, huggingFaceSource } from "../../../components/model/hugging-face.ts";
import { startServer, type TestServer } from "../../gguf/range-server.ts";
import { Pending, registered } from "../mocked.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const FILES = ["m-Q4_K_M.gguf", "Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0/m-Q8_0-00002-of-00002.gguf"];

describe("a source from Hugging Face, against a stand-in for the hub", () => {
  let server: TestServer;
  const outside = process.env["HF_ENDPOINT"];

  before(async () => {
    server = await startServer((_, response) => {
      response.end(JSON.stringify({ sha: COMMIT, siblings: FILES.map((rfilename) => ({ rfilename })) }));
    });
    process.env["HF_ENDPOINT"] = server.origin;
  });
  after(async () => {
    await server.stop();
    if (outside === undefined) delete process.env["HF_ENDPOINT"];
    else process.env["HF_ENDPOINT"] = outside;
  });

  it("names the file of the quantization at a commit, at preview too", async () => {
    const { outputs } = await registered(
      () => huggingFaceSource("org/named", { quantization: pulumi.output("q4_k_m") }),
      "preview",
    );
    assert.equal(outputs, `hf://org/named@${COMMIT}/m-Q4_K_M.gguf`);
  });

  it("names the first shard of a split model", async () => {
    const { outputs } = await registered(() => huggingFaceSource("org/split", { quantization: "Q8_0" }));
    assert.equal(outputs, `hf://org/split@${COMMIT}/${FILES[1]}`);
  });

  it("asks once for a repository at a revision, whatever is chosen from it", async () => {
    const asked = server.requests.length;
    await registered(() => {
      const choices = [
        { quantization: "Q8_0" },
        { quantization: "Q4_K_M" },
        { quantization: "Q4_K_M", revision: "v1" },
      ];
      return pulumi.all(choices.map((args) => huggingFaceSource("org/once", args)));
    });
    const paths = server.requests.slice(asked).map(({ url }) => url);
    assert.deepEqual(paths.toSorted(), ["/api/models/org/once/revision/main", "/api/models/org/once/revision/v1"]);
  });

  const refused: readonly [what: string, repository: string, args: HuggingFaceArgs, says: RegExp][] = [
    [
      "missing",
      "org/repo",
      { quantization: "Q5_0" },
      /^fromHuggingFace: org\/repo@01234567: it has no file in "Q5_0"; it has Q8_0, Q4_K_M$/,
    ],
    ["ambiguous", "org/repo", {}, /it has 2 models; give a quantization: it has Q8_0, Q4_K_M$/],
    ["null, which is absent", "org/repo", { quantization: null } as never, /it has 2 models; give a quantization/],
    [
      "no repository",
      "repo",
      {},
      /^fromHuggingFace: repository "repo" is no repository of the hub: org\/repo is expected$/,
    ],
  ];
  for (const [what, repository, args, says] of refused) {
    it(`rejects with one sentence: ${what}`, async () => {
      await assert.rejects(promiseOf(huggingFaceSource(repository, args)), (error: Error) => says.test(error.message));
    });
  }

  it("stays unknown in a preview while its repository is unknown, and asks nobody", async () => {
    const asked = server.requests.length;
    let known: boolean | undefined;
    await registered(async () => {
      known = await Reflect.get(huggingFaceSource(new Pending("late").value), "isKnown");
      return "";
    }, "preview");
    assert.equal(known, false);
    assert.equal(server.requests.length, asked);
  });
});

// Output has no public promise of its value; the member is in its implementation's interface.
function promiseOf<T>(output: pulumi.Output<T>): Promise<T> {
  const promise: unknown = Reflect.get(output, "promise");
  if (typeof promise !== "function") throw new Error("an output without a promise");
  return promise.call(output);
}
