/** A resource of a stack, as a policy sees it at the end of a preview, or a plan in the answer of `pulumi preview --json`. */
export interface StackResource {
  readonly urn: string;
  readonly type: string;
  /** Name of the Pulumi resource. */
  readonly name: string;
  /** Its outputs; reading one that is not known yet may throw. */
  readonly props: Readonly<Record<string, unknown>>;
  readonly provider?: { readonly urn: string; readonly name: string; readonly props: Readonly<Record<string, unknown>> };
}

const FIELDS = ["apiVersion", "kind", "metadata", "spec"] as const;

/** The manifest alone, without what the provider and a cluster add. Fields that are not known still throw where they are read. */
export function manifestProps({ props }: StackResource): Readonly<Record<string, unknown>> {
  const manifest = {};
  for (const field of FIELDS) {
    if (field in props) Object.defineProperty(manifest, field, { enumerable: true, get: () => props[field] });
  }
  return manifest;
}
