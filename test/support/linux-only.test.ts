import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dirname, "../..");
const LIST: readonly { readonly file: string; readonly why: string }[] = JSON.parse(
  readFileSync(join(import.meta.dirname, "linux-only.json"), "utf8"),
);
/** Uses of what only Linux has. */
const OF_LINUX = /["`]\/proc\b|["`]\/sys\/|\bopenLinux\(|"unshare"/;
/** A file that knows of other systems decides for itself. */
const DECIDES = /process\.platform\b/;

const text = (file: string) => readFileSync(join(ROOT, file), "utf8");

/** Whether a file of test/, or another one there that it imports, uses what only Linux has without asking for the system. */
function isOfLinux(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file)) return false;
  seen.add(file);
  const code = text(file);
  if (DECIDES.test(code)) return false;
  if (OF_LINUX.test(code)) return true;
  const imports = [...code.matchAll(/from "(\.[^"]+\.ts)"/g)].map(([, path = ""]) =>
    normalize(join(dirname(file), path)),
  );
  return imports.filter((path) => path.startsWith("test/")).some((path) => isOfLinux(path, seen));
}

describe("tests that need Linux", () => {
  for (const { file, why } of process.platform === "linux" ? [] : LIST) {
    it(`${file}: ${why}`, function () {
      this.skip();
    });
  }

  it("are all named, with a reason, and nothing else is", () => {
    const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard", "test"], {
      cwd: ROOT,
      encoding: "utf8",
    });
    const files = listed.split("\n").filter((file) => file.endsWith(".test.ts") && existsSync(join(ROOT, file)));
    const named = LIST.map(({ file }) => file);
    assert.deepEqual(
      files.filter((file) => isOfLinux(file) && !named.includes(file)),
      [],
      "name them in test/support/linux-only.json, or let them ask for process.platform",
    );
    for (const { file, why } of LIST) assert.ok(files.includes(file) && why.length > 20, file);
  });
});
