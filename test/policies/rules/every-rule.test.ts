import assert from "node:assert/strict";
import * as z from "zod";
import { RULES } from "../../../policies/all.ts";
import type { Example, Rule } from "../../../policies/definition.ts";
import { UNKNOWN } from "../analyse.ts";
import { modelFile, reportsOf } from "./table.ts";

/** A preview of an example, with a file whose header says what the example says. */
async function reportsOnExample(rule: Rule, { model, service, annotations, header }: Example, config: object) {
  const source = header === undefined ? {} : { source: await modelFile(header) };
  const shown = {
    model: { ...model, ...source },
    ...(service && { service: { ...service, modelRef: "gemma" } }),
    ...(annotations && { annotations }),
  };
  return reportsOf(rule, { ...shown, config });
}

describe("each rule", () => {
  it("has a name of its own, in kebab-case", () => {
    const names = RULES.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const name of names) assert.match(name, /^[a-z]+(-[a-z]+)*$/);
  });

  for (const rule of RULES) {
    describe(rule.name, () => {
      it("says in sentences what it asks for, and what to do", () => {
        assert.match(rule.title, /^[A-Z].*[^.]$/);
        assert.match(rule.description, /^[A-Z][^\n]*\.$/);
        assert.match(rule.remedy, /^[A-Z][^\n]*\.$/);
        assert.ok(rule.tags.length > 0);
      });

      it("describes each of its settings, and needs none of them", () => {
        const { properties = {} } = z.toJSONSchema(rule.config, { target: "draft-7", io: "input" });
        for (const [setting, schema] of Object.entries(properties)) {
          const described = typeof schema === "object" ? schema.description : undefined;
          assert.match(described ?? "", /^[A-Z].*\.$/s, setting);
        }
        assert.ok(rule.config.safeParse({}).success);
      });

      it("finds a slip in its configuration", async () => {
        const [first = ""] = await reportsOf(rule, { config: { nonsense: 1 } });
        assert.match(first, new RegExp(`^The configuration of ${rule.name}: nonsense is not a field`));
      });

      it("refuses nothing of which nothing is known", async () => {
        const found = await reportsOf(rule, {
          model: { source: UNKNOWN, sha256: UNKNOWN, mmproj: UNKNOWN, hardware: UNKNOWN },
          service: {
            contextSize: UNKNOWN,
            parallelSlots: UNKNOWN,
            extraArgs: UNKNOWN,
            endpoint: UNKNOWN,
            env: UNKNOWN,
          },
          config: rule.examples?.config ?? {},
        });
        assert.deepEqual(
          found.filter((text) => !text.startsWith("note: ")),
          [],
        );
      });

      const { examples } = rule;
      if (examples === undefined) return;
      const { bad, good, config = {} } = examples;

      it("reports its bad example, by the subject", async () => {
        const [first = "", ...more] = await reportsOnExample(rule, bad, config);
        assert.match(first, /^(Model|InferenceService) default\/gemma\b/);
        assert.match(first, /\.$/);
        assert.deepEqual(more, []);
      });

      it("accepts its good example", async () => assert.deepEqual(await reportsOnExample(rule, good, config), []));

      it("lets pass what is excluded by name, and says why", async () => {
        const exclude = [{ name: "default/gemma", reason: "it is a test" }];
        const [first = "", ...more] = await reportsOnExample(rule, bad, { ...config, exclude });
        assert.match(first, new RegExp(`^note: ${rule.name} lets this pass, because it is a test: `));
        assert.deepEqual(more, []);
      });
    });
  }
});
