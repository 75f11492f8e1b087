import assert from "node:assert/strict";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { cacheRoot } from "../../toolchain/cache.ts";
import { ensureTool } from "../../toolchain/ensure.ts";
import { BUILD_TIMEOUT_MS } from "../support/pulumi.ts";
import { temporaryDirectory } from "../support/workspace.ts";

const CHECKOUT = join(import.meta.dirname, "..", "..");
const SCHEMA = join(CHECKOUT, "schema.json");
/** What `pulumi package add` puts beside the generated files. */
const GO_MOD = `module github.com/pulumi-llmkube/pulumi-llmkube/sdk/go

go 1.24

require (
	github.com/blang/semver v3.5.1+incompatible
	github.com/pulumi/pulumi/sdk/v3 v3.259.0
)
`;

/**
 * Python and Go, whose language hosts cannot be had here: Pulumi's own generators make the SDKs from the committed schema, and the examples
 * are checked against them by type, and compiled. They are not executed.
 */
describe("the SDKs of other languages", function () {
  this.timeout(300_000);
  let folder: string;
  let generator: string;

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    generator = await ensureTool("generate-sdk");
    folder = await temporaryDirectory();
  });
  after(() => rm(folder, { recursive: true, force: true }));

  describe("Python", () => {
    let python: string;
    let site: string;
    const environment = () => ({ PYTHONPATH: site, MYPYPATH: site, PYTHONDONTWRITEBYTECODE: "1" });

    before(async function () {
      this.timeout(BUILD_TIMEOUT_MS);
      python = await ensureTool("python");
      const [sdk, program] = [join(folder, "python-sdk"), join(folder, "python")];
      site = join(folder, "site-packages");
      await execa(generator, [SCHEMA, "python", sdk]);
      const pip = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-build-isolation",
      ];
      await execa(python, [...pip, "--target", site, sdk]);
      await cp(join(CHECKOUT, "examples", "python"), program, { recursive: true });
    });

    it("is installed and imported as pulumi_llmkube, with every component", async () => {
      const program =
        "import pulumi_llmkube as l; print(l.LlmModel.__name__, l.LlmNode.__name__, l.LlmController.__name__)";
      const { stdout } = await execa(python, ["-c", program], { cwd: folder, env: environment() });
      assert.equal(stdout, "LlmModel LlmNode LlmController");
    });

    const mypy = (file: string) => {
      // What is imported is Pulumi's own generated code, which is not written for --strict; its types count all the same.
      const args = [
        "-m",
        "mypy",
        "--strict",
        "--follow-imports=silent",
        "--cache-dir",
        join(cacheRoot(), "mypy"),
        file,
      ];
      return execa(python, args, { cwd: join(folder, "python"), env: environment(), reject: false });
    };

    it("types the example, and refuses a budget that is a number", async function () {
      this.timeout(BUILD_TIMEOUT_MS);
      const { stdout, exitCode } = await mypy("__main__.py");
      assert.equal(exitCode, 0, stdout);
      const text = await readFile(join(folder, "python", "__main__.py"), "utf8");
      const wrong = text.replace(/memory_budget=.*/, "memory_budget=768,");
      assert.notEqual(wrong, text);
      await writeFile(join(folder, "python", "wrong.py"), wrong);
      const refusal =
        /wrong\.py:\d+: error: No overload variant of "LlmModel" matches argument types "str", "str", "int"/;
      assert.match((await mypy("wrong.py")).stdout, refusal);
    });
  });

  describe("Go", () => {
    let program: string;

    before(async () => {
      program = join(folder, "go");
      const sdk = join(program, "sdks", "llmkube");
      await cp(join(CHECKOUT, "examples", "go"), program, { recursive: true });
      await mkdir(sdk, { recursive: true });
      await execa(generator, [SCHEMA, "go", sdk]);
      await writeFile(join(sdk, "go.mod"), GO_MOD);
    });

    const build = () => {
      // A cache beside the tools: the SDKs of Pulumi and its kubernetes provider are compiled once on a machine.
      const env = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off", GOCACHE: join(cacheRoot(), "go-build") };
      return execa("go", ["build", "-o", join(folder, "llm-go"), "."], { cwd: program, env, reject: false });
    };

    it("compiles the example, and refuses a budget that is a number", async function () {
      this.timeout(BUILD_TIMEOUT_MS);
      const { stderr, exitCode } = await build();
      assert.equal(exitCode, 0, stderr);
      const main = join(program, "main.go");
      const text = await readFile(main, "utf8");
      const wrong = text.replace(/MemoryBudget: pulumi.String\(.*\),/, "MemoryBudget: pulumi.Int(768),");
      assert.notEqual(wrong, text);
      await writeFile(main, wrong);
      assert.match((await build()).stderr, /main\.go:\d+:\d+: .*pulumi\.Int.*StringPtrInput/);
    });
  });
});
