import { quoted } from "../../api/plain-text.ts";

/**
 * One sentence for a llama-server whose libraries do not fit, from what it printed; undefined if that is not the reason. With Homebrew ggml
 * is a formula of its own: where only one of the two was upgraded, the dynamic linker finds a library or a symbol no more.
 */
export function librariesProblem(llamaServer: string, printed: string): string | undefined {
  const said = /(?:dyld\[\d+\]: )?(?:Library not loaded|Symbol not found): [^\s"\\]+/.exec(printed)?.[0];
  if (said === undefined) return undefined;
  return `${llamaServer} cannot load its libraries (${quoted(said)}): llama.cpp and ggml are of different versions, run brew update && brew upgrade ggml llama.cpp, or brew reinstall ggml llama.cpp`;
}
