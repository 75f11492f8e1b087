import { compile } from "json-schema-to-typescript";
import * as z from "zod";
import { inferenceServiceSpecSchema } from "../../api/inferenceservice.ts";
import { modelSpecSchema } from "../../api/model.ts";

const SPECS = {
  ModelSpec: { file: "model-spec.ts", schema: modelSpecSchema },
  InferenceServiceSpec: { file: "inference-service-spec.ts", schema: inferenceServiceSpecSchema },
} as const;

const bannerComment = "// Generated from api/ by `npm run generate`; do not edit.";

/**
 * The plain interfaces of what a manifest may have in `spec`, by their file in components/generated. A program's
 * compiler reads these in place of the types of zod, which not every tsconfig takes.
 */
export async function publicTypeFiles(): Promise<ReadonlyMap<string, string>> {
  const files = Object.entries(SPECS).map(async ([name, { file, schema }]): Promise<[string, string]> => {
    const json = z.toJSONSchema(schema, { target: "draft-7", io: "input", override: withoutMessages });
    const options = { bannerComment, style: { printWidth: 120 }, additionalProperties: false, maxItems: -1 };
    return [file, await compile(json as Parameters<typeof compile>[0], name, options)];
  });
  return new Map(await Promise.all(files));
}

/** Titles would become names of types. What else is left out serves the API server and the messages of the parser. */
function withoutMessages({ jsonSchema: json }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  for (const key of ["title", "expected", "example", "pattern", "maxItems", "minItems", "x-kubernetes-validations"]) {
    delete json[key];
  }
}
