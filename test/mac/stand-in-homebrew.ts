import { chmod, copyFile, link, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../../api/error-code.ts";

/** A second one, so that reinstalling takes away the folder of the first, as an upgrade does. */
const VERSIONS = ["24.1.0", "24.1.1"];

/**
 * A stand-in for Homebrew with one formula, Node.js: versions lie in the Cellar, links in `bin` and `opt` lead to the one that is installed.
 */
export async function standInHomebrew(prefix: string): Promise<void> {
  const kept = join(prefix, "kept");
  for (const version of VERSIONS) {
    const node = join(kept, version, "bin", "node");
    await mkdir(dirname(node), { recursive: true });
    // The path of the program must be the one in the Cellar, so that a link by name does not do.
    await link(process.execPath, node).catch((error: unknown) => {
      if (errorCode(error) !== "EXDEV") throw error;
      return copyFile(process.execPath, node);
    });
  }
  const brew = join(prefix, "bin", "brew");
  await mkdir(dirname(brew), { recursive: true });
  const [first, second] = VERSIONS;
  const script = `#!/bin/sh
cd '${prefix}' || exit 1
put() {
  rm -rf Cellar && mkdir -p Cellar/node opt && cp -al "kept/$1" "Cellar/node/$1"
  ln -sfn "../Cellar/node/$1" opt/node && ln -sf "../Cellar/node/$1/bin/node" bin/node
}
case "$1" in
  --prefix) echo '${prefix}' ;;
  install) put '${first}' ;;
  reinstall) put '${second}' ;;
  *) exit 1 ;;
esac
`;
  await writeFile(brew, script);
  await chmod(brew, 0o755);
}
