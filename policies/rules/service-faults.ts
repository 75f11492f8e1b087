import { keyFaults } from "../../api/key-faults.ts";
import { serviceFaults as faultsOfSpec } from "../../serving/service-faults.ts";
import type { ServiceSubject } from "../definition.ts";

/** What is wrong across the fields of a service, one sentence each. LlmModel refuses the same of its arguments. */
export function serviceFaults({ label, labels, annotations, spec, unknown }: ServiceSubject): readonly string[] {
  const faults = [...faultsOfSpec(spec, unknown), ...keyFaults({ metadata: { labels, annotations }, spec })];
  return faults.map((fault) => `${label}: ${fault}.`);
}
