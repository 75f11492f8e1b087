import { shown } from "../api/explain.ts";
import { locate } from "./locate.ts";

/** What no reader could ever fetch. Volumes, S3 and names of repositories are for other readers than ours. One clause. */
export function addressProblem(field: string, address: string | undefined): string | undefined {
  const scheme = address?.split("://", 1)[0];
  if (address === undefined || scheme === address) return undefined;
  const located = locate(address, {});
  if (scheme === "file" && (!located.ok || address.endsWith("/"))) {
    return `${field} is ${shown(address)}; it must be file:///absolute/path`;
  }
  if (located.ok || located.kind === "unsupported") return undefined;
  if (scheme === "hf") {
    return `${field} is ${shown(address)}; it must name a file of a repository: hf://org/repo/file.gguf`;
  }
  return `${field} is ${shown(address)}; it is not a valid address`;
}
