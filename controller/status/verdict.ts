import type { KnownEstimate } from "../../memory/estimate/types.ts";

/** What was decided about a service of ours, before Kubernetes has its turn. */
export type Verdict =
  /** Its need fits; its objects are there, or are being made. */
  | { readonly kind: "planned"; readonly estimate: KnownEstimate; readonly message: string }
  /** Something is being looked up. */
  | { readonly kind: "waiting"; readonly reason: string; readonly message: string }
  /** Nothing is scheduled anew. `isPersons`: only a person can change that, by changing a manifest. */
  | { readonly kind: "refused"; readonly reason: string; readonly message: string; readonly isPersons: boolean };
