import { MAC, type MacPaths } from "../agent/host/darwin/mac-paths.ts";

/** Where macOS has what the proof uses: what the agent uses, and what only the proof looks at it with. */
export interface MacTools extends MacPaths {
  readonly vmmap: string;
  readonly hdiutil: string;
  readonly memoryPressure: string;
  readonly systemsetup: string;
  readonly install: string;
  readonly true: string;
  readonly sleep: string;
}

/** The tests give a step stand-ins in place of these. */
export const MAC_TOOLS: MacTools = {
  ...MAC,
  vmmap: "/usr/bin/vmmap",
  hdiutil: "/usr/bin/hdiutil",
  memoryPressure: "/usr/bin/memory_pressure",
  systemsetup: "/usr/sbin/systemsetup",
  install: "/usr/bin/install",
  true: "/usr/bin/true",
  sleep: "/bin/sleep",
};
