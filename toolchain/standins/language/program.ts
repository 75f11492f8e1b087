import type { RunRequest } from "@pulumi/pulumi/proto/language_pb.js";
import type { Properties } from "../values.ts";

export interface RuntimeOptions {
  nodeArguments: readonly string[];
  environment: Readonly<Record<string, string>>;
}

/**
 * `runtime.options` of Pulumi.yaml: TypeScript is on unless `typescript: false`, as with the official language host.
 */
export function runtimeOptions({ typescript, tsconfig, nodeargs }: Properties): RuntimeOptions {
  return {
    nodeArguments: typeof nodeargs === "string" ? nodeargs.split(/\s+/).filter((word) => word !== "") : [],
    environment: {
      ...(typescript !== false && typescript !== "false" && { PULUMI_NODEJS_TYPESCRIPT: "true" }),
      ...(typeof tsconfig === "string" && tsconfig !== "" && { PULUMI_NODEJS_TSCONFIG_PATH: tsconfig }),
    },
  };
}

/** The arguments of `@pulumi/pulumi/cmd/run`, without those that are empty in the request. */
export function programArguments(engineAddress: string, request: RunRequest): string[] {
  const info = request.getInfo();
  const flags = {
    monitor: request.getMonitorAddress(),
    engine: engineAddress,
    organization: request.getOrganization(),
    project: request.getProject(),
    "root-directory": info?.getRootDirectory() ?? "",
    stack: request.getStack(),
    pwd: info?.getProgramDirectory() ?? "",
    parallel: String(request.getParallel()),
  };
  return [
    ...Object.entries(flags).flatMap(([name, value]) => (value === "" ? [] : [`--${name}`, value])),
    ...(request.getDryrun() ? ["--dry-run"] : []),
    info?.getEntryPoint() || ".",
    ...request.getArgsList(),
  ];
}

/** The variables in which the SDK looks for the stack's configuration. */
export function configVariables(config: Iterable<[string, string]>, secretKeys: readonly string[]) {
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(config)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secretKeys),
  };
}
