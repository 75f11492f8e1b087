import { shown } from "./explain.ts";
import { metadataKeySchema } from "./metadata.ts";

type Keyed = Readonly<Record<string, unknown>> | undefined;

const EXPECTED =
  "at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, after a DNS name and / or without";

/** What has labels or annotations of an object, with their keys. */
interface Labelled {
  readonly metadata: { readonly labels?: Keyed; readonly annotations?: Keyed };
  readonly spec: object;
}

const KEYED = ["nodeSelector", "podLabels", "podAnnotations"] as const;

/** The keys of labels and annotations that the API server would refuse, one clause each. A folder of manifests has no API server. */
export function keyFaults({ metadata: { labels, annotations }, spec }: Labelled): readonly string[] {
  const ofSpec: Partial<Record<(typeof KEYED)[number], Keyed>> = spec;
  const maps = {
    "metadata.labels": labels,
    "metadata.annotations": annotations,
    ...Object.fromEntries(KEYED.map((field) => [`spec.${field}`, ofSpec[field]])),
  };
  return Object.entries(maps).flatMap(([field, map = {}]) =>
    Object.keys(map)
      .filter((key) => !metadataKeySchema.safeParse(key).success)
      .map((key) => `${field} has the key ${shown(key)}; it must be ${EXPECTED}`),
  );
}
