import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { validate } from "dockerfile-utils";

const CHECKOUT = join(import.meta.dirname, "../..");

describe("the Dockerfile of the controller", () => {
  const text = readFileSync(join(CHECKOUT, "Dockerfile"), "utf8");

  it("has no fault that a linter finds", () => {
    assert.deepEqual(
      validate(text).map(({ message }) => message),
      [],
    );
    assert.ok(validate("FORM node\n").length > 0, "the linter finds faults");
  });

  it("copies what exists, and starts the package's program", () => {
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files = ""]) => files.split(" "));
    assert.deepEqual(
      copied.filter((file) => !existsSync(join(CHECKOUT, file))),
      [],
    );
    assert.ok(text.includes('ENTRYPOINT ["node", "/app/bin/pulumi-llmkube.js"]'));
  });

  it("has the Node.js that the package is tested with", () => {
    const { devDependencies } = JSON.parse(readFileSync(join(CHECKOUT, "package.json"), "utf8"));
    const versions = [...text.matchAll(/^FROM node:([\d.]+)-slim/gm)].map(([, version]) => version);
    assert.deepEqual(versions, [devDependencies.node, devDependencies.node]);
  });
});
