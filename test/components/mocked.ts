import * as pulumi from "@pulumi/pulumi";

/** A resource as it reached the engine: the inputs as they were sent. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Record<string, unknown>;
}

/** A resource whose output is not known in a preview. */
export class Pending extends pulumi.CustomResource {
  declare readonly value: pulumi.Output<string>;

  constructor(name: string) {
    super("test:index:Pending", name, { value: undefined });
  }
}

/** Runs `program` against Pulumi's mocks, which answer with the inputs; what it registered, in order, and what it put out. */
export async function registered<T>(program: () => pulumi.Input<T>, phase: "preview" | "up" = "up") {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }) => {
        resources.push({ type, name, inputs });
        return { id: `${name}-id`, state: inputs };
      },
      call: ({ inputs }) => inputs,
    },
    "project",
    "stack",
    phase === "preview",
  );
  const outputs = await new Promise((resolve) => pulumi.output(program()).apply(resolve));
  await pulumi.runtime.disconnect();
  return { resources, outputs };
}
