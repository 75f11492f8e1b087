import type { Failure } from "../../api/result.ts";

/** How far the file of a Model is. */
export type StoredModel =
  /** Nobody has looked yet, or the look hangs; `message` says what takes long. */
  | { readonly state: "looking"; readonly message?: string }
  | { readonly state: "absent" }
  | { readonly state: "working"; readonly message: string }
  | { readonly state: "ready"; readonly path: string }
  | { readonly state: "failed"; readonly failure: Failure };
