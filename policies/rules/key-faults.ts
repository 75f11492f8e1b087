import { shown } from "../../api/explain.ts";
import { metadataKeySchema } from "../../api/metadata.ts";

type Keyed = Readonly<Record<string, unknown>> | undefined;

const EXPECTED =
  "at most 63 letters, digits, '-', '_' and '.', starting and ending with a letter or digit, after a DNS name and / or without";

/** The keys of labels and annotations that the API server would refuse, one clause each. A folder of manifests has no API server. */
export function keyFaults(maps: Readonly<Record<string, Keyed>>): readonly string[] {
  return Object.entries(maps).flatMap(([field, map = {}]) =>
    Object.keys(map)
      .filter((key) => !metadataKeySchema.safeParse(key).success)
      .map((key) => `${field} has the key ${shown(key)}; it must be ${EXPECTED}`),
  );
}
