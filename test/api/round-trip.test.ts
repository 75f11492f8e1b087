import assert from "node:assert/strict";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { KINDS } from "../../api/constants.ts";
import { isFields } from "../../api/document.ts";
import { parseManifest } from "../../api/parse.ts";
import { manifests, ruleMessages } from "../support/crd-arbitrary.ts";
import { goodManifests } from "../support/manifests.ts";

/** Every value that `written` has is in `read`, unchanged; lists have the same length. */
function assertKept(read: unknown, written: unknown, path: string): void {
  if (Array.isArray(written) && Array.isArray(read)) {
    assert.equal(read.length, written.length, path);
    for (const [index, item] of written.entries()) assertKept(read[index], item, `${path}[${index}]`);
  } else if (isFields(written) && isFields(read)) {
    for (const [key, member] of Object.entries(written)) assertKept(read[key], member, `${path}.${key}`);
  } else {
    assert.deepEqual(read, written, path);
  }
}

describe("A manifest that is read and written again loses nothing", () => {
  for (const [name, manifest] of goodManifests()) {
    it(name, () => {
      const parsed = parseManifest(manifest);
      assert.ok(parsed.ok);
      assertKept(parsed.value, manifest, name);
      assert.deepEqual(parseManifest(parse(stringify(parsed.value))), parsed);
    });
  }

  for (const kind of KINDS) {
    it(`${kind}, whatever the CRD allows`, () => {
      const rules = ruleMessages(kind);
      let kept = 0;
      fc.assert(
        fc.property(manifests(kind), (manifest) => {
          const parsed = parseManifest(manifest);
          if (!parsed.ok) {
            assert.ok(
              rules.some((message) => parsed.error.includes(message)),
              parsed.error,
            );
            return;
          }
          kept += 1;
          assertKept(parsed.value, manifest, kind);
          assert.deepEqual(parseManifest(parse(stringify(parsed.value))), parsed);
        }),
        { numRuns: 600 },
      );
      assert.ok(kept >= 50, `only ${kept} manifests kept to the rules across fields`);
    }).timeout(120_000);
  }
});
