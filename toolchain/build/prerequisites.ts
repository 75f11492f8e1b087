import { execa } from "execa";
import which from "which";
import { ToolchainError } from "../errors.ts";

const GO_MAJOR = 1;
const GO_MINOR = 26;

/**
 * Checks the version of Go inside the module, where an older Go may switch to the version that go.mod names.
 * @throws ToolchainError that says which Go is needed, why, and how to get it
 */
export async function requireGo(entry: string, moduleFolder: string): Promise<void> {
  const advice = `install it (https://go.dev/dl, or \`brew install go\` on a Mac), or put ${entry} itself on PATH`;
  const needed = `Building ${entry} needs Go >= ${GO_MAJOR}.${GO_MINOR} on PATH`;
  const { stdout, stderr, failed } = await execa("go", ["env", "GOVERSION"], {
    cwd: moduleFolder,
    env: { GOFLAGS: "", GOWORK: "off" },
    reject: false,
  });
  if (failed) {
    const why = stderr?.split("\n")[0] || "`go` is not on PATH";
    throw new ToolchainError(`${needed}, but ${why}: ${advice}.`);
  }
  const [, major = "0", minor = "0"] = /^go(\d+)\.(\d+)/.exec(stdout) ?? [];
  const enough = Number(major) > GO_MAJOR || (Number(major) === GO_MAJOR && Number(minor) >= GO_MINOR);
  // A development version ("devel ...") has no number to compare; go.mod still holds it to its minimum.
  if (!enough && !stdout.startsWith("devel")) {
    throw new ToolchainError(`${needed}, but the installed one is ${stdout.trim()}: ${advice}.`);
  }
}

/** @throws ToolchainError if there is no Python that can create virtual environments */
export async function requirePython(entry: string): Promise<void> {
  const needed = `Getting ${entry} from PyPI needs python3 with its venv module`;
  if ((await which("python3", { nothrow: true })) === null) {
    throw new ToolchainError(
      `${needed}, but python3 is not on PATH: install it (\`brew install python\`, \`apt-get install python3-venv\`).`,
    );
  }
  const { failed } = await execa("python3", ["-c", "import venv, ensurepip"], { reject: false });
  if (failed) {
    throw new ToolchainError(
      `${needed}, but this python3 lacks venv or ensurepip: install them (\`apt-get install python3-venv\`).`,
    );
  }
}

/** @throws ToolchainError if there is no C++ compiler or no make; the build gets cmake from PyPI */
export async function requireCompiler(entry: string): Promise<void> {
  const advice =
    "install them (`xcode-select --install`, `apt-get install build-essential`), " +
    "or put a llama-server on PATH (`brew install llama.cpp`)";
  const compilers = [process.env["CXX"], "c++", "g++", "clang++"].filter((name) => name !== undefined);
  if (!(await anyOnPath(compilers))) {
    throw new ToolchainError(
      `Compiling ${entry} needs a C++ compiler and make, but there is no C++ compiler: ${advice}.`,
    );
  }
  if (!(await anyOnPath(["make", "gmake"]))) {
    throw new ToolchainError(`Compiling ${entry} needs a C++ compiler and make, but there is no make: ${advice}.`);
  }
}

async function anyOnPath(names: readonly string[]): Promise<boolean> {
  const found = await Promise.all(names.map((name) => which(name, { nothrow: true })));
  return found.some((path) => path !== null);
}
