import { formatBytes } from "../../api/quantity.ts";
import type { Other } from "./host-claims.ts";

export function holdsNote({ label, bytes }: Other): string {
  return `${formatBytes(bytes)} of this machine's memory are held by ${label}`;
}
