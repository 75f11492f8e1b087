import assert from "node:assert/strict";
import { type HubEnvironment, type Location, locate } from "../../fetch/locate.ts";

function located(source: string, environment: HubEnvironment = {}, token?: string): Location {
  const location = locate(source, environment, token);
  assert.ok(location.ok, location.ok ? "" : location.error);
  return location.value;
}

function address(location: Location): string {
  return location.kind === "file" ? location.path : location.url.href;
}

function authorization(location: Location): string | undefined {
  return location.kind === "http" ? location.authorization : undefined;
}

describe("locate", () => {
  const addresses: ReadonlyArray<readonly [source: string, address: string]> = [
    ["/models/gemma.gguf", "/models/gemma.gguf"],
    ["/models/what? #1 100%.gguf", "/models/what? #1 100%.gguf"],
    ["file:///models/a%20b.gguf", "/models/a b.gguf"],
    ["http://127.0.0.1:8080/x.gguf", "http://127.0.0.1:8080/x.gguf"],
    ["HTTPS://example.org/x.gguf?download=true", "https://example.org/x.gguf?download=true"],
    ["hf://org/repo/model.gguf", "https://huggingface.co/org/repo/resolve/main/model.gguf"],
    ["hf://org/repo/Q4 K/m#1?.gguf", "https://huggingface.co/org/repo/resolve/main/Q4%20K/m%231%3F.gguf"],
    ["hf://org/repo@v1.0/model.gguf", "https://huggingface.co/org/repo/resolve/v1.0/model.gguf"],
    ["hf://org/repo@refs/pr/7/m.gguf", "https://huggingface.co/org/repo/resolve/refs%2Fpr%2F7/m.gguf"],
  ];
  for (const [source, expected] of addresses) {
    it(`finds ${source}`, () => assert.equal(address(located(source)), expected));
  }

  it("asks another hub where HF_ENDPOINT names one", () => {
    const location = located("hf://org/repo/m.gguf", { HF_ENDPOINT: "http://mirror:8000/hub/" });
    assert.equal(address(location), "http://mirror:8000/hub/org/repo/resolve/main/m.gguf");
  });

  it("takes HF_TOKEN for hf:// only, and prefers a token that was given", () => {
    const environment = { HF_TOKEN: "hf_secret\n" };
    assert.equal(authorization(located("hf://org/repo/m.gguf", environment)), "Bearer hf_secret");
    assert.equal(authorization(located("https://huggingface.co/m.gguf", environment)), undefined);
    assert.equal(authorization(located("hf://org/repo/m.gguf", environment, "given")), "Bearer given");
    assert.equal(authorization(located("https://example.org/m.gguf", environment, "given")), "Bearer given");
    assert.equal(authorization(located("hf://org/repo/m.gguf", { HF_TOKEN: " " })), undefined);
  });

  it("takes user and password out of the address", () => {
    const location = located("https://us%40er:p%3Ass@example.org/m.gguf?sig=hush#frag");
    assert.equal(address(location), "https://example.org/m.gguf?sig=hush#frag");
    assert.equal(authorization(location), `Basic ${Buffer.from("us@er:p:ss").toString("base64")}`);
    assert.equal(location.name, "https://example.org/m.gguf");
  });

  const refused: ReadonlyArray<readonly [source: string, reason: RegExp]> = [
    ["", /^source "" is not understood: an absolute path or a file/],
    ["model.gguf", /^source "model.gguf" is not understood/],
    ["org/repo", /is not understood.*hf:\/\/org\/repo\/file.gguf/],
    ["ftp://host/m.gguf", /^source "ftp:\/\/host\/m.gguf" is not understood/],
    ["pvc://claim/m.gguf", /is a cluster volume, which a Mac cannot mount: use a path, hf:\/\/ or https:\/\//],
    ["s3://key:hush@bucket/m.gguf", /^source "s3:\/\/bucket\/m.gguf" is on S3, which is not read here: use an https/],
    ["hf://org/repo", /^source "hf:\/\/org\/repo" names no file on the hub: hf:\/\/org\/repo\/file.gguf is expected/],
    ["hf://org/repo/", /names no file on the hub/],
    ["hf://org/repo/../../api/x.gguf", /names no file on the hub/],
    ["hf://org/repo@/m.gguf", /names no file on the hub/],
    ["http://", /^source "http:\/\/" is not a valid address$/],
    ["http://host:99999/m.gguf", /is not a valid address$/],
    ["file://models/m.gguf", /is not a usable file address: file:\/\/\/absolute\/path is expected/],
    ["/models/m.gguf\n", /holds control characters/],
    ["/models/\0.gguf", /holds control characters/],
  ];
  for (const [source, reason] of refused) {
    it(`refuses ${JSON.stringify(source)}`, () => {
      const location = locate(source, {});
      assert.ok(!location.ok);
      assert.match(location.error, reason);
    });
  }

  it("refuses a token that no header can carry, without showing it", () => {
    const location = locate("hf://org/repo/m.gguf", { HF_TOKEN: "hush\r\nx: y" });
    assert.ok(!location.ok);
    assert.match(location.error, /^HF_TOKEN for "hf:\/\/org\/repo\/m.gguf" holds characters that no token has/);
    assert.doesNotMatch(location.error, /hush/);
  });

  it("refuses an HF_ENDPOINT that is no address, without showing its password", () => {
    for (const HF_ENDPOINT of ["hub", "ftp://user:hush@hub"]) {
      const location = locate("hf://org/repo/m.gguf", { HF_ENDPOINT });
      assert.ok(!location.ok);
      assert.match(
        location.error,
        /^HF_ENDPOINT is "(hub|ftp:\/\/hub)": an https:\/\/ or http:\/\/ address is expected$/,
      );
    }
  });
});
