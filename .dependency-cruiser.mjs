// Which folder may import which: `npm run check` holds it. Folders that are not named here (test, bench, docs, examples, proof) may import everything; test/ is only held to what its own rule says.

/** Top-level folders, and what each may import besides itself. */
const PACKAGES = {
  api: [],
  fetch: ["api"],
  gguf: ["api", "fetch"],
  memory: ["api", "gguf/(header|tensor-types)"],
  serving: ["api", "memory"],
  kube: [],
  cluster: ["api", "crds"],
  controller: ["api", "fetch", "gguf", "memory", "serving", "kube"],
  components: ["api", "fetch", "gguf", "memory", "serving", "cluster"],
  policies: ["api", "fetch", "gguf", "memory", "serving", "components/package-name"],
  agent: ["api", "fetch", "gguf", "memory", "serving", "kube"],
  cli: [
    "api",
    "fetch",
    "gguf",
    "memory",
    "serving",
    "components",
    "agent",
    "kube",
    "controller",
    "cluster",
    "policies",
  ],
  toolchain: ["api"],
};

/** Folders of the agent from the lowest up, and what each may import of the agent besides itself. Above all of them are main/ and work/. */
const AGENT = {
  lifecycle: [],
  host: [],
  "kernel-limit": ["host/(command|darwin/mac-paths)"],
  files: [],
  store: ["files"],
  status: [],
  "llama-server": ["host/command", "files", "store/attempts"],
  workload: ["llama-server", "store", "files"],
  state: ["status", "workload/workload-id", "host/(command|darwin/mac-paths)"],
  boot: ["files/patience", "workload/(desired|workload-id)", "state/layout", "status/status"],
  decisions: ["boot/hold", "workload", "status/status", "host/(platform|group-meter|start-time)"],
  sources: ["workload", "store/files", "files"],
  "server-logs": [],
  "keep-awake": ["status/status"],
  claims: ["host/(platform|start-time)", "decisions/host-share"],
  watchdog: ["decisions", "host", "server-logs", "state", "status", "workload"],
  gateway: ["status", "workload/workload-id", "decisions/demand", "http/(bounded|limits)", "files"],
  http: ["status", "state", "gateway/observer"],
  node: ["status", "state", "store", "host", "files"],
  "kubelet-api": ["status", "state", "http", "server-logs"],
  pods: ["status", "state", "workload", "sources/(source|pods)"],
  supervisor: [
    "boot",
    "decisions",
    "host",
    "kernel-limit",
    "llama-server",
    "server-logs",
    "claims",
    "watchdog",
    "state",
    "status",
    "store",
    "workload",
  ],
};

const OURS = `^(${Object.keys(PACKAGES).join("|")})/`;

const forbidden = [
  {
    name: "no-circles",
    comment: "Two files that import each other are one file, or lack a third.",
    severity: "error",
    from: {},
    to: { circular: true },
  },
  {
    name: "shipped-code-imports-no-tests",
    severity: "error",
    from: { pathNot: "^(test|bench|docs|examples|proof)/" },
    to: { path: "^(test|bench)/" },
  },
  {
    name: "unit-tests-need-no-tools",
    comment: "What needs a real server, real weights or a browser is in a file that ends in .real.test.ts.",
    severity: "error",
    from: { path: "^test/.*[.]test[.]ts$", pathNot: "[.]real[.]test[.]ts$|^test/toolchain/" },
    to: { path: "^toolchain/ensure[.]ts$|playwright-core", reachable: true },
  },
  ...Object.entries(PACKAGES).map(([folder, allowed]) => ({
    name: `${folder}-imports`,
    comment: `${folder}/ may import ${allowed.join(", ") || "nothing of ours"}.`,
    severity: "error",
    from: { path: `^${folder}/` },
    to: { path: OURS, pathNot: [folder, ...allowed].map((path) => `^${path}[/.]`) },
  })),
  ...Object.entries(AGENT).map(([folder, allowed]) => ({
    name: `agent-${folder}-imports`,
    comment: `agent/${folder}/ may import ${allowed.join(", ") || "nothing"} of the agent.`,
    severity: "error",
    from: { path: `^agent/${folder}/` },
    to: { path: "^agent/", pathNot: [folder, "lifecycle", ...allowed].map((path) => `^agent/${path}[/.]`) },
  })),
];

export default {
  forbidden,
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
  },
};
