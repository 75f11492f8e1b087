import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { schemaText } from "../../components/schema/generate.ts";

describe("schema.json", () => {
  let text: string;
  before(async () => {
    text = await readFile(join(import.meta.dirname, "../../schema.json"), "utf8");
  });

  it("is what the components and their comments say", function () {
    // Pulumi's inference compiles the whole project.
    this.timeout(180_000);
    assert.equal(
      text,
      schemaText(),
      "schema.json differs from the components; run npm run generate and commit the result",
    );
  });

  it("describes every resource, type, property and output in whole sentences", () => {
    const { resources, types } = JSON.parse(text);
    for (const [token, one] of Object.entries<Described>({ ...resources, ...types })) {
      assert.match(one.description ?? "", /\.$/, token);
      for (const [name, property] of Object.entries({ ...one.inputProperties, ...one.properties })) {
        assert.match(property.description ?? "", /\.$/, `${token} ${name}`);
      }
    }
    assert.ok(!text.includes("{@link"), "Pulumi's documentation does not follow links of TypeScript");
  });

  it("has whole numbers, and the defaults that decide no memory", () => {
    const { resources, types } = JSON.parse(text);
    const { gpuLayers, memoryFraction, accelerator } = resources["llmkube:index:LlmModel"].inputProperties;
    assert.deepEqual([gpuLayers.type, memoryFraction.type, accelerator.default], ["integer", "number", "metal"]);
    const { replicas, contextSize } = types["llmkube:index:Serving"].properties;
    assert.deepEqual([replicas.type, replicas.default], ["integer", 1]);
    assert.deepEqual([contextSize.type, contextSize.default], ["integer", undefined]);
  });

  it("lets Python import pulumi_llmkube", () => {
    const { name, language } = JSON.parse(text);
    assert.deepEqual([name, language.python.packageName], ["llmkube", "pulumi_llmkube"]);
  });
});

interface Described {
  readonly description?: string;
  readonly inputProperties?: Readonly<Record<string, Described>>;
  readonly properties?: Readonly<Record<string, Described>>;
}
