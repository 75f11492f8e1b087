/** Where macOS has what the agent uses. Absolute, because a daemon's PATH is short. */
export interface MacPaths {
  readonly ps: string;
  readonly lsof: string;
  readonly sysctl: string;
  readonly vmStat: string;
  readonly footprint: string;
  readonly taskpolicy: string;
  readonly launchctl: string;
  readonly caffeinate: string;
  readonly fdesetup: string;
  readonly pmset: string;
  readonly tmutil: string;
  readonly swVers: string;
  readonly ioreg: string;
  readonly sudo: string;
  /** The library of the system calls. */
  readonly libSystem: string;
  /** Folder of the reports of kernel panics and of processes that the kernel ended for want of memory. */
  readonly diagnosticReports: string;
  readonly launchDaemons: string;
}

/** The tests replace this module as a whole where they play a Mac. */
export const MAC: MacPaths = {
  ps: "/bin/ps",
  lsof: "/usr/sbin/lsof",
  sysctl: "/usr/sbin/sysctl",
  vmStat: "/usr/bin/vm_stat",
  footprint: "/usr/bin/footprint",
  taskpolicy: "/usr/sbin/taskpolicy",
  launchctl: "/bin/launchctl",
  caffeinate: "/usr/bin/caffeinate",
  fdesetup: "/usr/bin/fdesetup",
  pmset: "/usr/bin/pmset",
  tmutil: "/usr/bin/tmutil",
  swVers: "/usr/bin/sw_vers",
  ioreg: "/usr/sbin/ioreg",
  sudo: "/usr/bin/sudo",
  libSystem: "/usr/lib/libSystem.B.dylib",
  diagnosticReports: "/Library/Logs/DiagnosticReports",
  launchDaemons: "/Library/LaunchDaemons",
};
