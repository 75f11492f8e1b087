import { download } from "../../../agent/store/download.ts";

/** Downloads as an agent does, until it is killed. */
const [url = "", path = "", sha256, limits = ""] = process.argv.slice(2);
await download({
  location: { kind: "http", name: "m.gguf", url: new URL(url) },
  path,
  sha256,
  limits: JSON.parse(limits),
  signal: new AbortController().signal,
  progress: () => {},
});
